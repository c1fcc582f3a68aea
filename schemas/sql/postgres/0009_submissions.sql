-- Submissions that nobody has read: whoever looks for those that were given up asks for the oldest.
CREATE INDEX base_documents_submitted ON base_documents (submitted_at) WHERE status = 'submitted';
