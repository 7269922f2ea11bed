/* Writes JPEG files of every kind that libjpeg can write; make.py compiles it and says which. Each line of
 * the standard input is one file:
 *
 *   path width height colour factors scans restart quality markers coding
 *
 * colour: grey, ycbcr, rgb, cmyk, ycck. factors: 2x1,1x1,1x1. scans: one, each (a scan per component), luma (the first
 * component, then the others together), progressive. restart: MCUs between markers, 0 for none. markers: usual, none.
 * coding: huffman, arithmetic. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <setjmp.h>
#include <jpeglib.h>

static jmp_buf refused;
static void refuse(j_common_ptr info) {
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    fprintf(stderr, "%s\n", text);
    longjmp(refused, 1);
}

/* A smooth picture with edges and a little grain, other in each component. */
static unsigned char sample(int x, int y, int component, int width, int height) {
    double u = (double)x / width, v = (double)y / height;
    double value = 127 + 70 * sin(5 * u + 2 * v * (component + 1) + component) + 45 * cos(7 * v - 3 * u * component);
    if ((x / 9 + y / 7 + component) % 3 == 0) value += 35;
    value += (x * 37 + y * 101 + component * 53 + (x * y) % 13) % 17 - 8;
    return value < 0 ? 0 : value > 255 ? 255 : (unsigned char)value;
}

int main(void) {
    char path[1024], colour[16], factors[64], scans[16], markers[16], coding[16];
    int width, height, restart, quality;
    while (scanf("%1023s %d %d %15s %63s %15s %d %d %15s %15s", path, &width, &height, colour, factors, scans, &restart,
                 &quality, markers, coding) == 10) {
        struct jpeg_compress_struct info;
        struct jpeg_error_mgr errors;
        jpeg_scan_info script[4];
        FILE *file = fopen(path, "wb");
        if (!file) { perror(path); return 1; }
        info.err = jpeg_std_error(&errors);
        errors.error_exit = refuse;
        jpeg_create_compress(&info);
        if (setjmp(refused)) {
            jpeg_destroy_compress(&info);
            fclose(file);
            remove(path);
            continue;
        }
        jpeg_stdio_dest(&info, file);
        J_COLOR_SPACE space = !strcmp(colour, "grey") ? JCS_GRAYSCALE : !strcmp(colour, "ycbcr") ? JCS_YCbCr
            : !strcmp(colour, "rgb") ? JCS_RGB : !strcmp(colour, "cmyk") ? JCS_CMYK : JCS_YCCK;
        info.image_width = width;
        info.image_height = height;
        info.in_color_space = space;
        info.input_components = space == JCS_GRAYSCALE ? 1 : space == JCS_CMYK || space == JCS_YCCK ? 4 : 3;
        jpeg_set_defaults(&info);
        jpeg_set_colorspace(&info, space);
        jpeg_set_quality(&info, quality, TRUE);
        info.arith_code = !strcmp(coding, "arithmetic");
        info.optimize_coding = !info.arith_code;
        info.restart_interval = restart;
        if (!strcmp(markers, "none")) {
            info.write_JFIF_header = FALSE;
            info.write_Adobe_marker = FALSE;
        }
        const char *at = factors;
        for (int c = 0; c < info.num_components; c++) {
            info.comp_info[c].h_samp_factor = at[0] - '0';
            info.comp_info[c].v_samp_factor = at[2] - '0';
            if (at[3] == ',') at += 4;
        }
        if (!strcmp(scans, "progressive")) jpeg_simple_progression(&info);
        else if (strcmp(scans, "one")) {
            int each = !strcmp(scans, "each"), count = 0;
            for (int c = 0; c < info.num_components; count++) {
                jpeg_scan_info *scan = &script[count];
                scan->comps_in_scan = each || c == 0 ? 1 : info.num_components - 1;
                for (int i = 0; i < scan->comps_in_scan; i++) scan->component_index[i] = c++;
                scan->Ss = 0; scan->Se = 63; scan->Ah = scan->Al = 0;
            }
            info.scan_info = script;
            info.num_scans = count;
        }
        jpeg_start_compress(&info, TRUE);
        unsigned char *row = malloc((size_t)width * info.input_components);
        while (info.next_scanline < info.image_height) {
            for (int x = 0; x < width; x++)
                for (int c = 0; c < info.input_components; c++)
                    row[x * info.input_components + c] = sample(x, info.next_scanline, c, width, height);
            JSAMPROW rows[1] = {row};
            jpeg_write_scanlines(&info, rows, 1);
        }
        jpeg_finish_compress(&info);
        jpeg_destroy_compress(&info);
        free(row);
        fclose(file);
    }
    return 0;
}
