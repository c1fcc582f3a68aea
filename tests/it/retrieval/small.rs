//! Small collections in many languages: a text for each of some matters of a shop, and a question about each.

use std::collections::{HashMap, HashSet};

use millrace::app::collection::{Collection, Doc, Query};

/// A language with its texts, each with a question that it answers.
type Texts = (&'static str, [(&'static str, &'static str); 5]);

const LANGUAGES: [Texts; 9] = [
    (
        "en",
        [
            (
                "The shop is open from nine to six, and on Saturdays until noon.",
                "When is the shop open on Saturdays?",
            ),
            ("Delivery inside of the city costs four euros and takes two days.", "What does delivery cost?"),
            (
                "Goods that were not used can be returned within thirty days.",
                "Until when can goods be returned?",
            ),
            ("We repair bicycles and replace broken chains and tyres.", "Do you repair broken bicycles?"),
            ("Pay by card, in cash, or by invoice after the order was sent.", "Can I pay by invoice?"),
        ],
    ),
    (
        "de",
        [
            (
                "Der Laden ist von neun bis achtzehn Uhr geöffnet, am Samstag bis zwölf.",
                "Wann ist der Laden am Samstag geöffnet?",
            ),
            (
                "Die Lieferung in der Stadt kostet vier Euro und dauert zwei Tage.",
                "Was kostet die Lieferung?",
            ),
            (
                "Unbenutzte Waren können innerhalb von dreißig Tagen zurückgegeben werden.",
                "Wann können Waren zurückgegeben werden?",
            ),
            (
                "Wir reparieren Fahrräder und ersetzen gerissene Ketten und Reifen.",
                "Repariert ihr auch Fahrräder?",
            ),
            (
                "Sie zahlen mit der Karte, bar oder auf Rechnung nach dem Versand.",
                "Kann ich auf Rechnung zahlen?",
            ),
        ],
    ),
    (
        "es",
        [
            (
                "La tienda está abierta de nueve a seis, y los sábados hasta el mediodía.",
                "¿Cuándo está abierta la tienda los sábados?",
            ),
            (
                "El envío dentro de la ciudad cuesta cuatro euros y tarda dos días.",
                "¿Cuánto cuesta el envío?",
            ),
            (
                "Los artículos sin usar se pueden devolver en un plazo de treinta días.",
                "¿Hasta cuándo se pueden devolver los artículos?",
            ),
            (
                "Reparamos bicicletas y cambiamos las cadenas rotas y los neumáticos.",
                "¿También reparan las bicicletas rotas?",
            ),
            (
                "Se paga con tarjeta, en efectivo o con factura después del pedido.",
                "¿Puedo pagar con factura?",
            ),
        ],
    ),
    (
        "fr",
        [
            (
                "Le magasin est ouvert de neuf heures à dix-huit heures, et le samedi jusqu'à midi.",
                "Quand le magasin est-il ouvert le samedi ?",
            ),
            (
                "La livraison dans la ville coûte quatre euros et prend deux jours.",
                "Combien coûte la livraison ?",
            ),
            (
                "Les articles non utilisés peuvent être retournés dans les trente jours.",
                "Est-ce que les articles peuvent être retournés ?",
            ),
            (
                "Nous réparons les vélos et nous changeons les chaînes cassées et les pneus.",
                "Est-ce que vous réparez les vélos ?",
            ),
            (
                "Vous payez par carte, en espèces ou sur facture après la commande.",
                "Est-ce que je peux payer sur facture ?",
            ),
        ],
    ),
    (
        "ru",
        [
            ("Магазин открыт с девяти до шести, а в субботу до полудня.", "Когда магазин открыт в субботу?"),
            ("Доставка по городу стоит четыре евро и занимает два дня.", "Сколько стоит доставка?"),
            ("Неиспользованные товары можно вернуть в течение тридцати дней.", "Можно ли вернуть товар?"),
            ("Мы ремонтируем велосипеды и меняем порванные цепи и шины.", "Вы ремонтируете велосипед?"),
            (
                "Оплатить можно картой, наличными или по счёту после отправки заказа.",
                "Можно оплатить по счёту?",
            ),
        ],
    ),
    (
        "tr",
        [
            (
                "Dükkan dokuzdan altıya kadar açık, cumartesi günleri ise öğlene kadar açıktır.",
                "Dükkan cumartesi günleri açık mı?",
            ),
            ("Şehir içinde teslimat dört avro tutar ve iki gün sürer.", "Teslimat kaç gün sürer?"),
            ("Kullanılmamış ürünler otuz gün içinde iade edilebilir.", "Ürünler ne zaman iade edilebilir?"),
            (
                "Bisikletleri tamir ediyoruz ve kopmuş zincirleri değiştiriyoruz.",
                "Bisiklet tamir ediyor musunuz?",
            ),
            (
                "Kartla, nakit ya da siparişten sonra fatura ile ödeme yapabilirsiniz.",
                "Fatura ile ödeme var mı?",
            ),
        ],
    ),
    (
        "ar",
        [
            (
                "المتجر مفتوح من التاسعة إلى السادسة، ويوم السبت حتى الظهر.",
                "متى يكون المتجر مفتوحا يوم السبت؟",
            ),
            ("التوصيل داخل المدينة يكلف أربعة يورو ويستغرق يومين.", "كم يكلف التوصيل؟"),
            ("يمكن إرجاع البضائع غير المستعملة خلال ثلاثين يوما.", "هل يمكن إرجاع البضائع؟"),
            ("نحن نصلح الدراجات ونغير السلاسل والإطارات المكسورة.", "هل تصلحون الدراجات المكسورة؟"),
            ("الدفع بالبطاقة أو نقدا أو بالفاتورة بعد إرسال الطلب.", "هل الدفع بالفاتورة ممكن؟"),
        ],
    ),
    (
        "fa",
        [
            ("فروشگاه از ساعت نه تا شش باز است و شنبه‌ها تا ظهر.", "فروشگاه شنبه‌ها تا چه ساعت باز است؟"),
            ("ارسال در شهر چهار یورو هزینه دارد و دو روز طول می‌کشد.", "هزینه ارسال چقدر است؟"),
            ("کالای استفاده نشده را می‌توان تا سی روز پس فرستاد.", "کالا را می‌توان پس فرستاد؟"),
            ("ما دوچرخه تعمیر می‌کنیم و زنجیر و لاستیک پاره را عوض می‌کنیم.", "دوچرخه هم تعمیر می‌کنید؟"),
            ("پرداخت با کارت، نقد یا با فاکتور پس از سفارش ممکن است.", "پرداخت با فاکتور چگونه است؟"),
        ],
    ),
    (
        "sv",
        [
            (
                "Butiken är öppen från nio till arton, och på lördagar till klockan tolv.",
                "När är butiken öppen på lördagar?",
            ),
            ("Leverans inom staden kostar fyra euro och tar två dagar.", "Vad kostar leveransen?"),
            (
                "Varor som inte har använts kan lämnas tillbaka inom trettio dagar.",
                "Kan jag lämna tillbaka varor?",
            ),
            ("Vi lagar cyklar och byter trasiga kedjor och däck.", "Lagar ni trasiga cyklar?"),
            (
                "Du betalar med kort, kontant eller mot faktura efter beställningen.",
                "Kan jag betala mot faktura?",
            ),
        ],
    ),
];

/// Each language with its collection.
pub(crate) fn collections() -> Vec<(&'static str, Collection)> {
    LANGUAGES.iter().map(|(language, texts)| (*language, collection(language, texts))).collect()
}

/// The documents of several languages together, with the questions of all of them.
pub(crate) fn mixed(languages: &[&str]) -> Mixed {
    let of = |language: &str| LANGUAGES.iter().find(|(one, _)| *one == language).map(|(_, texts)| texts);
    let all: Vec<_> = languages.iter().filter_map(|language| of(language)).flatten().copied().collect();
    let queries = languages.iter().flat_map(|language| [*language; 5]).map(str::to_owned).collect();
    Mixed { all: collection("mixed", &all), queries }
}

/// See [`mixed`].
pub(crate) struct Mixed {
    all: Collection,
    /// The language of each question.
    queries: Vec<String>,
}

impl Mixed {
    /// All documents, and the questions of one language.
    pub(crate) fn only_of(&self, language: &str) -> Collection {
        let Collection { name, docs, queries, relevant } = &self.all;
        let asked = queries.iter().zip(&self.queries).filter(|(_, of)| *of == language);
        let queries: Vec<Query> = asked.map(|(query, _)| query.clone()).collect();
        let relevant = relevant.iter().filter(|(id, _)| queries.iter().any(|query| query.id == **id));
        let relevant = relevant.map(|(id, docs)| (id.clone(), docs.clone())).collect();
        Collection { name: name.clone(), docs: docs.clone(), queries, relevant }
    }
}

fn collection(name: &str, texts: &[(&str, &str)]) -> Collection {
    let id = |kind: &str, n: usize| format!("{kind}{n}");
    let doc = |(n, (text, _)): (usize, &(&str, &str))| Doc {
        id: id("d", n),
        title: String::new(),
        text: (*text).to_owned(),
        intent: None,
    };
    let query = |(n, (_, question)): (usize, &(&str, &str))| Query {
        id: id("q", n),
        text: (*question).to_owned(),
        intent: None,
    };
    Collection {
        name: name.to_owned(),
        docs: texts.iter().enumerate().map(doc).collect(),
        queries: texts.iter().enumerate().map(query).collect(),
        relevant: (0..texts.len())
            .map(|n| (id("q", n), HashSet::from([id("d", n)])))
            .collect::<HashMap<_, _>>(),
    }
}
