//! What decoding takes, by the system's count, beside what is said of it.
#![cfg(target_os = "linux")]

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use image::{DynamicImage, ImageFormat, RgbImage};
use jpeg_encoder::{ColorType, Encoder};
use marque_photo::{ANY_SIZE, Budget, Decoder, Photo};

const WIDTH: u32 = 3_000;
const HEIGHT: u32 = 2_000;

/// What the test program and the allocator may take beside.
const SLACK: u64 = 6 << 20;

/// Names the file in the processes that measure.
const FILE: &str = "MARQUE_MEMORY_FILE";

fn picture() -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| image::Rgb([(x / 12) as u8, (y / 8) as u8, (x ^ y) as u8]))
}

fn jpeg(progressive: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 80);
    encoder.set_progressive(progressive);
    encoder.encode(picture().as_raw(), WIDTH as u16, HEIGHT as u16, ColorType::Rgb).unwrap();
    file
}

fn encoded(picture: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// A line of `/proc/self/status`, in bytes.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>().unwrap() * 1024
}

/// By how much the process grew at most.
fn growth(work: impl FnOnce()) -> u64 {
    // The peak begins anew.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS");
    work();
    status("VmHWM").saturating_sub(before)
}

/// Measures in a process of its own, as a process seldom gives back what it had.
fn measured(test: &str, file: &Path) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args(["--exact", test, "--nocapture"]).env(FILE, file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    text.split("growth=").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

fn decode(photo: &Photo<'_>, budget: &Budget) {
    Decoder::new(budget).decode(photo, [255; 3], |pixels| assert!(!pixels.rgb.is_empty())).unwrap();
}

#[test]
fn decoding_takes_what_is_said() {
    if let Ok(file) = std::env::var(FILE) {
        let file = std::fs::read(file).unwrap();
        let photo = Photo::read(&file, ANY_SIZE).unwrap();
        println!("growth={}", growth(|| decode(&photo, &Budget::new(photo.memory()))));
        return;
    }
    let rgb = DynamicImage::ImageRgb8(picture());
    let mut alpha = rgb.to_rgba8();
    alpha.enumerate_pixels_mut().for_each(|(x, _, pixel)| pixel.0[3] = x as u8);
    let alpha = DynamicImage::ImageRgba8(alpha);
    let png = |picture: DynamicImage| encoded(picture, ImageFormat::Png);
    let files = [
        ("baseline JPEG", jpeg(false)),
        ("progressive JPEG", jpeg(true)),
        ("PNG of grey", png(rgb.to_luma8().into())),
        ("PNG of RGB", png(rgb.clone())),
        ("PNG with opacity", png(alpha.clone())),
        ("PNG of deep grey", png(rgb.to_luma16().into())),
        ("PNG of deep grey with opacity", png(alpha.to_luma_alpha16().into())),
        ("PNG of deep RGB", png(rgb.to_rgb16().into())),
        ("PNG of deep RGB with opacity", png(alpha.to_rgba16().into())),
        ("WebP", encoded(rgb.clone(), ImageFormat::WebP)),
        ("WebP with opacity", encoded(alpha.clone(), ImageFormat::WebP)),
        ("BMP", encoded(rgb.clone(), ImageFormat::Bmp)),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo");
    for (kind, file) in files {
        std::fs::write(&path, &file).unwrap();
        let said = Photo::read(&file, ANY_SIZE).unwrap().memory();
        let found = measured("decoding_takes_what_is_said", &path);
        println!("{kind}: {found} of {said} bytes");
        assert!(found <= said + SLACK, "{kind}: {found} bytes, said are {said}");
        assert!(said <= 3 * (found + SLACK), "{kind}: {found} bytes, said are {said}");
    }
}

#[test]
fn all_threads_together_stay_within_the_budget() {
    if let Ok(file) = std::env::var(FILE) {
        let file = std::fs::read(file).unwrap();
        let photo = Photo::read(&file, ANY_SIZE).unwrap();
        let budget = Budget::new(photo.memory());
        let work = || {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| decode(&photo, &budget));
                }
            });
        };
        println!("growth={}", growth(work));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.png");
    let file = encoded(DynamicImage::ImageRgb8(picture()).to_rgb16().into(), ImageFormat::Png);
    std::fs::write(&path, &file).unwrap();
    let most = Photo::read(&file, ANY_SIZE).unwrap().memory();
    let found = measured("all_threads_together_stay_within_the_budget", &path);
    assert!(found <= most + 2 * SLACK, "{found} bytes of {most}");
}
