/** What `v4l2-ctl --info --list-formats-ext --list-ctrls-menus` of v4l-utils 1.22 prints, by kind of node. */

const intervals = (...rates: number[]): string =>
  rates.map((rate) => `\t\t\tInterval: Discrete ${(1 / rate).toFixed(3)}s (${rate.toFixed(3)} fps)\n`).join('');
const size = (text: string, ...rates: number[]): string => `\t\tSize: Discrete ${text}\n${intervals(...rates)}`;

export const UVC_WEBCAM = `Driver Info:
\tDriver name      : uvcvideo
\tCard type        : HD Pro Webcam C920
\tBus info         : usb-0000:01:00.0-1.2
\tDriver version   : 6.1.21
\tCapabilities     : 0x84a00001
\t\tVideo Capture
\t\tMetadata Capture
\t\tStreaming
\t\tExtended Pix Format
\t\tDevice Capabilities
\tDevice Caps      : 0x04200001
\t\tVideo Capture
\t\tStreaming
\t\tExtended Pix Format
Media Driver Info:
\tDriver name      : uvcvideo
\tModel            : HD Pro Webcam C920
\tSerial           : 7A1F2B3C
\tBus info         : usb-0000:01:00.0-1.2
\tMedia version    : 6.1.21
\tHardware revision: 0x00000011 (17)
\tDriver version   : 6.1.21
Interface Info:
\tID               : 0x03000002
\tType             : V4L Video
Entity Info:
\tID               : 0x00000001 (1)
\tName             : HD Pro Webcam C920
\tFunction         : V4L2 I/O
\tFlags            : default
\tPad 0x01000007   : 0: Sink
\t  Link 0x02000013: from remote pad 0x100000a of entity 'Processing 3': Data, Enabled, Immutable

User Controls

                     brightness 0x00980900 (int)    : min=0 max=255 step=1 default=128 value=128
        white_balance_automatic 0x0098090c (bool)   : default=1 value=1
           power_line_frequency 0x00980918 (menu)   : min=0 max=2 default=2 value=2 (60 Hz)
\t\t\t\t0: Disabled
\t\t\t\t1: 50 Hz
\t\t\t\t2: 60 Hz
      white_balance_temperature 0x0098091a (int)    : min=2000 max=6500 step=1 default=4000 value=4000 flags=inactive

Camera Controls

                  auto_exposure 0x009a0901 (menu)   : min=0 max=3 default=3 value=3 (Aperture Priority Mode)
\t\t\t\t1: Manual Mode
\t\t\t\t3: Aperture Priority Mode
         exposure_time_absolute 0x009a0902 (int)    : min=3 max=2047 step=1 default=250 value=250 flags=inactive
                   pan_absolute 0x009a0908 (int)    : min=-36000 max=36000 step=3600 default=0 value=0
ioctl: VIDIOC_ENUM_FMT
\tType: Video Capture

\t[0]: 'YUYV' (YUYV 4:2:2)
${size('640x480', 30, 24, 15, 5)}${size('1280x720', 10, 7.5, 5)}${size('1920x1080', 5)}\t[1]: 'H264' (H.264, compressed)
${size('1920x1080', 30)}\t[2]: 'MJPG' (Motion-JPEG, compressed)
${size('640x480', 30, 15)}${size('1280x720', 30, 24, 15)}${size('1920x1080', 30, 24, 15)}`;

export const UVC_METADATA = `Driver Info:
\tDriver name      : uvcvideo
\tCard type        : HD Pro Webcam C920
\tBus info         : usb-0000:01:00.0-1.2
\tDriver version   : 6.1.21
\tCapabilities     : 0x84a00001
\t\tVideo Capture
\t\tMetadata Capture
\t\tStreaming
\t\tExtended Pix Format
\t\tDevice Capabilities
\tDevice Caps      : 0x04a00000
\t\tMetadata Capture
\t\tStreaming
\t\tExtended Pix Format
ioctl: VIDIOC_ENUM_FMT
\tType: Video Capture

`;

export const PI_ENCODER = `Driver Info:
\tDriver name      : bcm2835-codec
\tCard type        : bcm2835-codec-encode
\tBus info         : platform:bcm2835-codec
\tDriver version   : 6.1.21
\tCapabilities     : 0x84204000
\t\tVideo Memory-to-Memory Multiplanar
\t\tStreaming
\t\tExtended Pix Format
\t\tDevice Capabilities
\tDevice Caps      : 0x04204000
\t\tVideo Memory-to-Memory Multiplanar
\t\tStreaming
\t\tExtended Pix Format

User Controls

  min_number_of_output_buffers 0x00980928 (int)    : min=1 max=1 step=1 default=1 value=1 flags=read-only

Codec Controls

             video_bitrate_mode 0x009909ce (menu)   : min=0 max=1 default=0 value=0 (Variable Bitrate) flags=update
\t\t\t\t0: Variable Bitrate
\t\t\t\t1: Constant Bitrate
ioctl: VIDIOC_ENUM_FMT
\tType: Video Capture Multiplanar

\t[0]: 'H264' (H.264, compressed)
`;

export const PI_ISP = `Driver Info:
\tDriver name      : bcm2835-isp
\tCard type        : bcm2835-isp
\tBus info         : platform:bcm2835-isp
\tDriver version   : 6.1.21
\tCapabilities     : 0x84200001
\t\tVideo Capture
\t\tStreaming
\t\tExtended Pix Format
\t\tDevice Capabilities
\tDevice Caps      : 0x04200001
\t\tVideo Capture
\t\tStreaming
\t\tExtended Pix Format
ioctl: VIDIOC_ENUM_FMT
\tType: Video Capture

\t[0]: 'YUYV' (YUYV 4:2:2)
\t\tSize: Stepwise 32x32 - 16384x16384 with step 2/2
`;

/** The legacy camera stack of the Raspberry Pi: a driver that scales to any size. */
export const PI_LEGACY_CAMERA = `Driver Info:
\tDriver name      : bm2835 mmal
\tCard type        : mmal service 16.1
\tBus info         : platform:bcm2835-v4l2-0
\tDriver version   : 5.10.63
\tCapabilities     : 0x85200005
\t\tVideo Capture
\t\tVideo Overlay
\t\tRead/Write
\t\tStreaming
\t\tExtended Pix Format
\t\tDevice Capabilities
\tDevice Caps      : 0x05200005
\t\tVideo Capture
\t\tVideo Overlay
\t\tRead/Write
\t\tStreaming
\t\tExtended Pix Format

User Controls

                     brightness 0x00980900 (int)    : min=0 max=100 step=1 default=50 value=50 flags=slider
                       contrast 0x00980901 (int)    : min=-100 max=100 step=1 default=0 value=0 flags=slider
                     saturation 0x00980902 (int)    : min=-100 max=100 step=1 default=0 value=0 flags=slider

Camera Controls

                  auto_exposure 0x009a0901 (menu)   : min=0 max=3 default=0 value=0 (Auto Mode)
\t\t\t\t0: Auto Mode
\t\t\t\t1: Manual Mode
         exposure_time_absolute 0x009a0902 (int)    : min=1 max=10000 step=1 default=1000 value=1000
             auto_exposure_bias 0x009a0913 (intmenu): min=0 max=24 default=12 value=12 (0 0x0)
${Array.from({ length: 25 }, (_, i) => `\t\t\t\t${i}: ${Math.round(((i - 12) * 1000) / 3)} (0x0)\n`).join('')}      white_balance_auto_preset 0x009a0914 (menu)   : min=0 max=10 default=1 value=1 (Auto)
\t\t\t\t0: Manual
\t\t\t\t1: Auto
\t\t\t\t2: Incandescent
\t\t\t\t6: Daylight
                iso_sensitivity 0x009a0917 (intmenu): min=0 max=4 default=0 value=0 (0 0x0)
\t\t\t\t0: 0 (0x0)
\t\t\t\t1: 100000 (0x186a0)
\t\t\t\t2: 200000 (0x30d40)
\t\t\t\t3: 400000 (0x61a80)
\t\t\t\t4: 800000 (0xc3500)
           iso_sensitivity_auto 0x009a0918 (menu)   : min=0 max=1 default=1 value=1 (Auto)
\t\t\t\t0: Manual
\t\t\t\t1: Auto
ioctl: VIDIOC_ENUM_FMT
\tType: Video Capture

\t[0]: 'YU12' (Planar YUV 4:2:0)
\t\tSize: Stepwise 32x32 - 2592x1944 with step 2/2
\t\t\tInterval: Stepwise 0.011s - 1.000s with step 0.000s (1.000-90.000 fps)
\t[1]: 'JPEG' (JFIF JPEG, compressed)
\t\tSize: Stepwise 32x32 - 2592x1944 with step 2/2
`;

/** The kernel's virtual camera. */
export const VIVID = `Driver Info:
\tDriver name      : vivid
\tCard type        : vivid
\tBus info         : platform:vivid-000
\tDriver version   : 6.1.158
\tCapabilities     : 0x85a00001
\t\tVideo Capture
\t\tMetadata Capture
\t\tRead/Write
\t\tStreaming
\t\tExtended Pix Format
\t\tDevice Capabilities
\tDevice Caps      : 0x05200001
\t\tVideo Capture
\t\tRead/Write
\t\tStreaming
\t\tExtended Pix Format

User Controls

                     brightness 0x00980900 (int)    : min=0 max=255 step=1 default=128 value=128 flags=slider
                            hue 0x00980903 (int)    : min=-128 max=128 step=1 default=0 value=0 flags=slider
                horizontal_flip 0x00980914 (bool)   : default=0 value=0
                         button 0x0098f900 (button) : value=0 flags=write-only, execute-on-write
                  integer_menu 0x0098f909 (intmenu): min=1 max=8 default=4 value=4 (8 0x8)
\t\t\t\t1: 1 (0x1)
\t\t\t\t4: 8 (0x8)
              read_only_integer 0x0098f911 (int)    : min=0 max=255 step=1 default=13 value=42 flags=read-only, volatile
ioctl: VIDIOC_ENUM_FMT
\tType: Video Capture

\t[0]: 'YUYV' (YUYV 4:2:2)
${size('320x180', 60, 30, 15)}${size('640x360', 60, 30, 15)}\t[1]: 'NV12' (Y/CbCr 4:2:0)
${size('320x180', 60, 30, 15)}${size('1280x720', 30, 15)}\t[2]: 'BA81' (8-bit Bayer BGBG/GRGR)
${size('1280x720', 30)}`;

/** The controls of a camera that focuses and moves, as drivers of before 5.17 name them. */
export const UVC_PTZ_CONTROLS = `
User Controls

                     brightness 0x00980900 (int)    : min=-64 max=64 step=1 default=0 value=10
                      sharpness 0x0098091b (int)    : min=0 max=255 step=1 default=128 value=128
 white_balance_temperature_auto 0x0098090c (bool)   : default=1 value=0
               do_white_balance 0x0098090d (button) : value=0 flags=write-only, execute-on-write
      white_balance_temperature 0x0098091a (int)    : min=2800 max=6500 step=10 default=4600 value=3200
         backlight_compensation 0x0098091c (int)    : min=0 max=4 step=1 default=0 value=0

Camera Controls

                  exposure_auto 0x009a0901 (menu)   : min=0 max=3 default=3 value=1 (Manual Mode)
\t\t\t\t1: Manual Mode
\t\t\t\t3: Aperture Priority Mode
              exposure_absolute 0x009a0902 (int)    : min=1 max=5000 step=1 default=157 value=333
         exposure_auto_priority 0x009a0903 (bool)   : default=0 value=1
                   pan_absolute 0x009a0908 (int)    : min=-612000 max=612000 step=3600 default=0 value=7200
                  tilt_absolute 0x009a0909 (int)    : min=-108000 max=324000 step=3600 default=0 value=0
                 focus_absolute 0x009a090a (int)    : min=0 max=250 step=5 default=0 value=20 flags=inactive
                     focus_auto 0x009a090c (bool)   : default=1 value=1
                  zoom_absolute 0x009a090d (int)    : min=100 max=500 step=1 default=100 value=123
                        privacy 0x009a0910 (bool)   : default=0 value=0 flags=read-only
`;

/** A camera of a phone's kind: focus once, and a lamp. */
export const LAMP_CONTROLS = `
Camera Controls

                 focus_absolute 0x009a090a (int)    : min=10 max=10000 step=10 default=10000 value=500
     focus_automatic_continuous 0x009a090c (bool)   : default=0 value=0
               auto_focus_start 0x009a091c (button) : value=0 flags=write-only, execute-on-write

Flash Controls

                       led_mode 0x009c0901 (menu)   : min=0 max=2 default=0 value=0 (Off)
\t\t\t\t0: Off
\t\t\t\t1: Flash
\t\t\t\t2: Torch
`;
