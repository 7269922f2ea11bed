//! libjpeg-turbo's decoder, as MozJPEG carries it: the crate's only unsafe code.
//!
//! Why it is sound: a [`Decompressor`] is at one place in memory for as long as the C code knows it (it is boxed, and so
//! are its error and progress managers), and dropped in any case, which frees all that libjpeg has allocated. Fatal
//! errors unwind out of the C code, which is compiled for that, up to [`Decompressor::call`]; after one, nothing but
//! the drop touches the object. The file is borrowed for the object's lifetime. Rows are written into slices whose
//! length is checked against `output_width` and `output_components`.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use mozjpeg_sys as ffi;

use crate::Error;

/// More scans than any encoder writes; each goes over the whole picture, so that a small file could cost hours.
const MOST_SCANS: c_int = 500;

/// Marker of EXIF and XMP segments, and the most that a segment holds.
const APP1: c_int = 0xe1;
const LONGEST_SEGMENT: u32 = 0xffff;

/// What libjpeg's error manager is part of: it has to come first.
#[repr(C)]
struct Messages {
    manager: ffi::jpeg_error_mgr,
    /// Coded data ended before the blocks that they stand for, and were taken for zeros.
    short_of_data: bool,
    /// The file ended before the end mark.
    end_of_file: bool,
}

/// A JPEG file that is being read; the header was.
pub(crate) struct Decompressor<'a> {
    info: Box<ffi::jpeg_decompress_struct>,
    /// From `Box::into_raw`, freed on drop; libjpeg holds the same pointers.
    messages: *mut Messages,
    progress: *mut ffi::jpeg_progress_mgr,
    file: &'a [u8],
}

impl<'a> Decompressor<'a> {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// If there is none, it is damaged, or of a kind that libjpeg does not decode.
    pub(crate) fn new(file: &'a [u8]) -> Result<Self, Error> {
        // SAFETY: all fields of these structs may be zero; `jpeg_std_error` and `jpeg_CreateDecompress` set the others.
        let (mut manager, info, progress): (
            ffi::jpeg_error_mgr,
            ffi::jpeg_decompress_struct,
            ffi::jpeg_progress_mgr,
        ) = unsafe { (std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed()) };
        // SAFETY: the manager outlives the call, which fills it.
        unsafe { ffi::jpeg_std_error(&mut manager) };
        manager.error_exit = Some(leave);
        manager.emit_message = Some(note);
        let messages = Messages { manager, short_of_data: false, end_of_file: false };
        let progress = ffi::jpeg_progress_mgr { progress_monitor: Some(count_scans), ..progress };
        let mut it = Self {
            info: Box::new(info),
            messages: Box::into_raw(Box::new(messages)),
            progress: Box::into_raw(Box::new(progress)),
            file,
        };
        it.info.common.err = it.messages.cast();
        let progress = it.progress;
        it.call(|info| {
            // SAFETY: `info` is boxed and has its error manager; the file outlives the object.
            unsafe {
                ffi::jpeg_create_decompress(info);
                info.common.progress = progress;
                ffi::jpeg_mem_src(info, file.as_ptr(), file.len() as _);
                ffi::jpeg_save_markers(info, APP1, LONGEST_SEGMENT);
                ffi::jpeg_read_header(info, 1)
            }
        })?;
        Ok(it)
    }

    /// Width and height in pixels, as stored.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.info.image_width as usize, self.info.image_height as usize)
    }

    /// Number of colour components.
    pub(crate) fn components(&self) -> usize {
        self.info.num_components as usize
    }

    /// The most bytes that decoding to red, green and blue takes at a time, these included.
    pub(crate) fn memory(&self) -> u64 {
        let (width, height) = (u64::from(self.info.image_width), u64::from(self.info.image_height));
        // SAFETY: the header was read, so that there is a row for each component, which lives as long as the object.
        let components =
            unsafe { std::slice::from_raw_parts(self.info.comp_info, self.info.num_components as usize) };
        // SAFETY: the header was read.
        let coefficients = match unsafe { ffi::jpeg_has_multiple_scans(&self.info) } {
            0 => 0,
            // All of them, 64 of 2 bytes in a block, as none is complete before the last scan; in whole units.
            _ => components.iter().fold(0u64, |sum, component| {
                let blocks = |count: ffi::JDIMENSION, factor: c_int| u64::from(count) + factor as u64;
                let across = blocks(component.width_in_blocks, component.h_samp_factor);
                sum + 128 * across * blocks(component.height_in_blocks, component.v_samp_factor)
            }),
        };
        // Beside the pixels some rows of each component, before and after they are brought to full size.
        3 * width * height + coefficients + 256 * width * components.len() as u64
    }

    /// The first APP1 segment before the first scan that begins with `start`.
    pub(crate) fn segment(&self, start: &[u8]) -> Option<&[u8]> {
        let mut next = self.info.marker_list;
        // SAFETY: libjpeg's list of markers lives as long as the object; null ends it.
        while let Some(marker) = unsafe { next.as_ref() } {
            // SAFETY: `data` points at `data_length` bytes of the same life.
            let data = unsafe { std::slice::from_raw_parts(marker.data, marker.data_length as usize) };
            if data.starts_with(start) {
                return Some(data);
            }
            next = marker.next;
        }
        None
    }

    /// Decodes all rows, each of `width × channels` levels, and hands them to `row` with their numbers: four channels
    /// (inks) if the file has four components, else red, green, blue.
    ///
    /// # Errors
    /// If the data cannot be decoded, or end before the picture does.
    pub(crate) fn rows(&mut self, mut row: impl FnMut(usize, &[u8])) -> Result<(), Error> {
        let four = self.components() == 4;
        self.info.out_color_space = if four { ffi::JCS_CMYK } else { ffi::JCS_RGB };
        // SAFETY: the header was read.
        self.call(|info| unsafe { ffi::jpeg_start_decompress(info) })?;
        let (width, height) = self.size();
        let channels = if four { 4 } else { 3 };
        assert_eq!((self.info.output_width as usize, self.info.output_components), (width, channels));
        let mut levels = vec![0; width * channels as usize];
        for number in 0..height {
            let mut start = levels.as_mut_ptr();
            // SAFETY: one row of `output_width × output_components` bytes is asked for, and there is room for it.
            self.call(|info| unsafe { ffi::jpeg_read_scanlines(info, &mut start, 1) })?;
            row(number, &levels);
        }
        // SAFETY: libjpeg has written the flags through the same pointer, and is not running.
        let Messages { short_of_data, end_of_file, .. } = unsafe { &*self.messages };
        if *end_of_file && (*short_of_data || self.is_arithmetic() || !self.has_all_scans()) {
            return Err(Error::CutShort("JPEG"));
        }
        Ok(())
    }

    /// Whether it is coded arithmetically (T.81, table B.1: SOF9 to SOF11). Such data may leave out zeros at their end, so
    /// that without the end mark nobody can tell whether there were others.
    fn is_arithmetic(&self) -> bool {
        let mut rest = self.file.get(2..).unwrap_or_default();
        while let [0xff, marker, high, low, ..] = *rest {
            match marker {
                0xc9..=0xcb => return true,
                0xc0..=0xc3 | 0xda => return false,
                0xff => rest = &rest[1..],
                _ => rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..).unwrap_or_default(),
            }
        }
        false
    }

    /// Whether every component was in a scan, and the scans of a progressive file give every bit of every coefficient.
    fn has_all_scans(&self) -> bool {
        // SAFETY: both arrays have a row per component, and live as long as the object; the second is null unless the
        // file is progressive.
        unsafe {
            let components = std::slice::from_raw_parts(self.info.comp_info, self.components());
            let seen = components.iter().all(|component| !component.quant_table.is_null());
            let bits = self.info.coef_bits.cast::<[c_int; 64]>();
            seen && (bits.is_null()
                || std::slice::from_raw_parts(bits, self.components())
                    .iter()
                    .flatten()
                    .all(|bits| *bits == 0))
        }
    }

    /// Calls libjpeg; what it refuses comes back as an error.
    fn call<T>(&mut self, call: impl FnOnce(&mut ffi::jpeg_decompress_struct) -> T) -> Result<T, Error> {
        let info = &mut *self.info;
        // What a fatal error leaves half done is only dropped.
        catch_unwind(AssertUnwindSafe(|| call(info))).map_err(|cause| {
            if !cause.is::<Fatal>() {
                resume_unwind(cause);
            }
            self.reason()
        })
    }

    /// Why libjpeg gave up.
    fn reason(&mut self) -> Error {
        // SAFETY: libjpeg has written the message through the same pointer, and is not running.
        let messages = unsafe { &mut *self.messages };
        let marker = unsafe { (*messages.manager.msg_parm.i())[0] };
        match messages.manager.msg_code as _ {
            ffi::JERR_SOF_UNSUPPORTED if marker == 0xc3 || marker == 0xcb => {
                Error::UnreadJpeg("compressed without loss")
            }
            ffi::JERR_SOF_UNSUPPORTED => {
                Error::UnreadJpeg("with the picture at several sizes (hierarchical)")
            }
            // The first marker that is not known in place of a frame's: that of JPEG-LS (ISO 14495-1, C.1.1).
            ffi::JERR_UNKNOWN_MARKER if marker == 0xf7 => Error::UnreadJpeg("of the kind JPEG-LS"),
            ffi::JERR_IMAGE_TOO_BIG | ffi::JERR_WIDTH_OVERFLOW => {
                Error::UnreadJpeg("of more than 65,500 pixels across or down")
            }
            // T.81, B.2.5: the lines are counted by a segment behind the first scan.
            ffi::JERR_EMPTY_IMAGE if self.info.image_height == 0 && self.info.image_width > 0 => {
                Error::UnreadJpeg("that says its height only after the picture")
            }
            ffi::JERR_BAD_PRECISION => Error::UnreadJpeg("with more than 8 bits for each colour"),
            ffi::JERR_ARITH_NOTIMPL => Error::UnreadJpeg("with arithmetic coding"),
            ffi::JERR_COMPONENT_COUNT
            | ffi::JERR_BAD_SAMPLING
            | ffi::JERR_BAD_MCU_SIZE
            | ffi::JERR_CCIR601_NOTIMPL
            | ffi::JERR_FRACT_SAMPLE_NOTIMPL
            | ffi::JERR_CONVERSION_NOTIMPL
            | ffi::JERR_BAD_J_COLORSPACE => Error::UnreadJpeg("with colours stored in an unusual way"),
            ffi::JERR_OUT_OF_MEMORY | ffi::JERR_NO_BACKING_STORE => Error::Memory,
            _ if messages.end_of_file => Error::CutShort("JPEG"),
            _ => Error::Damaged { format: "JPEG", cause: text(&mut self.info, &messages.manager).into() },
        }
    }
}

/// libjpeg's message.
fn text(info: &mut ffi::jpeg_decompress_struct, manager: &ffi::jpeg_error_mgr) -> String {
    type Format = unsafe extern "C-unwind" fn(&mut ffi::jpeg_common_struct, &[u8; 80]);
    type Write = unsafe extern "C-unwind" fn(&mut ffi::jpeg_common_struct, &mut [u8; 80]);
    let mut text = [0u8; 80];
    if let Some(format) = manager.format_message {
        // SAFETY: the C function writes at most 80 bytes, the last of them 0; the binding says `const` by mistake.
        unsafe { std::mem::transmute::<Format, Write>(format)(&mut info.common, &mut text) };
    }
    let length = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    String::from_utf8_lossy(&text[..length]).into_owned()
}

impl Drop for Decompressor<'_> {
    fn drop(&mut self) {
        // SAFETY: the object was created, or is still all zeros, which this leaves alone; then nothing uses the managers.
        unsafe {
            ffi::jpeg_destroy_decompress(&mut self.info);
            drop(Box::from_raw(self.messages));
            drop(Box::from_raw(self.progress));
        }
    }
}

/// What unwinds out of libjpeg.
struct Fatal;

unsafe extern "C-unwind" fn leave(_: &mut ffi::jpeg_common_struct) {
    resume_unwind(Box::new(Fatal));
}

unsafe extern "C-unwind" fn note(common: &mut ffi::jpeg_common_struct, level: c_int) {
    // SAFETY: `err` is the first field of a `Messages` of ours.
    let messages = unsafe { &mut *common.err.cast::<Messages>() };
    match messages.manager.msg_code as _ {
        ffi::JWRN_HIT_MARKER if level < 0 => messages.short_of_data = true,
        ffi::JWRN_JPEG_EOF if level < 0 => messages.end_of_file = true,
        _ => {}
    }
}

unsafe extern "C-unwind" fn count_scans(common: &mut ffi::jpeg_common_struct) {
    let common: *mut ffi::jpeg_common_struct = common;
    // SAFETY: libjpeg calls this with the common part of a decompressor, its first field.
    let info = unsafe { &mut *common.cast::<c_void>().cast::<ffi::jpeg_decompress_struct>() };
    if info.input_scan_number > MOST_SCANS {
        // SAFETY: `err` is that of a `Messages` of ours.
        unsafe { (*info.common.err).msg_code = ffi::JERR_BAD_PROGRESSION as c_int };
        resume_unwind(Box::new(Fatal));
    }
}
