//! Rows, files and what happens to damaged ones.

use proptest::prelude::*;

use super::*;

const DIMENSION: usize = 384;

fn model(version: u8) -> ModelVersion {
    ModelVersion { name: "m".into(), hash: [version; 16], dimension: DIMENSION }
}

fn vector(random: &mut fastrand::Rng) -> Vec<f32> {
    let raw: Vec<f32> = (0..DIMENSION).map(|_| random.f32() - 0.5).collect();
    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
    raw.into_iter().map(|x| x / length).collect()
}

fn exact(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn file(folder: &Path, vectors: &[Vec<f32>]) -> Vectors {
    let rows: Vec<_> = vectors.iter().map(|vector| Row::of(vector)).collect();
    let hashed = |(n, row)| (hash(&usize::to_string(&n)), Source::Made(row));
    let rows: Vec<_> = rows.iter().enumerate().map(hashed).collect();
    Vectors::write(folder, "x.vec", &model(1), &rows).unwrap().unwrap()
}

#[test]
fn bytes_are_as_good_as_numbers() {
    let mut random = fastrand::Rng::with_seed(1);
    let vectors: Vec<_> = (0..500).map(|_| vector(&mut random)).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path(), &vectors);
    let question = vector(&mut random);
    let row = Row::of(&question);
    for (n, vector) in vectors.iter().enumerate() {
        assert!((file.cosine(&row, n) - exact(&question, vector)).abs() < 0.01, "{n}");
    }
    let nearest = file.nearest(&row, 10);
    assert_eq!(nearest.len(), 10);
    assert!(nearest.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    let best = (0..vectors.len()).map(|n| file.cosine(&row, n)).fold(-1.0, f32::max);
    assert!((nearest[0].1 - best).abs() < f32::EPSILON);
    assert_eq!(file.nearest(&Row::of(&vectors[77]), 1)[0].0, 77);
    assert_eq!(file.row(77).unwrap(), Row::of(&vectors[77]));
}

#[test]
fn the_sketch_finds_what_is_near() {
    let mut random = fastrand::Rng::with_seed(2);
    let mut vectors: Vec<_> = (0..SKETCHED).map(|_| vector(&mut random)).collect();
    let question = vector(&mut random);
    for (n, place) in [100, 9_999, SKETCHED - 1].into_iter().enumerate() {
        let noise = vector(&mut random);
        let mixed: Vec<f32> = question.iter().zip(noise).map(|(q, x)| q + x * (n + 1) as f32 * 0.3).collect();
        let length = mixed.iter().map(|x| x * x).sum::<f32>().sqrt();
        vectors[place] = mixed.into_iter().map(|x| x / length).collect();
    }
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path(), &vectors);
    let found: Vec<usize> = file.nearest(&Row::of(&question), 3).into_iter().map(|(row, _)| row).collect();
    assert_eq!(found, [100, 9_999, SKETCHED - 1]);
}

#[test]
fn another_model_and_a_damaged_file_are_no_vectors() {
    let mut random = fastrand::Rng::with_seed(3);
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path(), &[vector(&mut random)]);
    assert_eq!(file.hash(0), Some(hash("0")));
    assert_eq!(file.hash(1), None);
    let open = |name: &str, version| Vectors::open(folder.path(), name, &model(version)).unwrap();
    assert!(open("x.vec", 1).is_some());
    assert!(open("x.vec", 2).is_none());
    assert!(open("y.vec", 1).is_none());
    assert!(Vectors::open(&folder.path().join("nowhere"), "x.vec", &model(1)).unwrap().is_none());
    let path = folder.path().join("z.vec");
    let mut bytes = std::fs::read(folder.path().join("x.vec")).unwrap();
    bytes.pop();
    std::fs::write(&path, bytes).unwrap();
    assert!(open("z.vec", 1).is_none());
}

#[test]
fn a_file_that_can_not_be_mapped_is_no_file_without_rows() {
    let folder = tempfile::tempdir().unwrap();
    // A folder opens like a file, and the system refuses to map it.
    std::fs::create_dir(folder.path().join("x.vec")).unwrap();
    let error = Vectors::open(folder.path(), "x.vec", &model(1)).unwrap_err().to_string();
    assert!(error.contains("x.vec can't be mapped"), "{error}");
}

proptest! {
    #[test]
    fn any_file_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        let mut file = MAGIC.to_vec();
        file.extend([1; 16]);
        file.extend(bytes);
        std::fs::write(folder.path().join("x.vec"), file).unwrap();
        if let Some(vectors) = Vectors::open(folder.path(), "x.vec", &model(1)).unwrap() {
            let question = Row::of(&vec![0.05; DIMENSION]);
            prop_assert!(vectors.nearest(&question, 5).len() <= vectors.len());
        }
    }
}
