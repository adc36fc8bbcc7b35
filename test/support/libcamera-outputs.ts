/** What the tools of libcamera print about cameras on CSI, and GStreamer about their source element. */

/** `cam --list` of 0.7 on a board with two sensors, a camera whose place is known, and one on USB. */
export const CAM_LIST = `Available cameras:
1: External camera 'imx219' (/base/soc/i2c0mux/i2c@1/imx219@10)
2: Internal back camera (/base/axi/pcie@1000120000/rp1/i2c@88000/ov5647@36)
3: 'HD Pro Webcam C920' (/base/scb/pcie@7d500000/pci@0,0/usb@0,0-1.2:1.0-046d:082d)
`;

/** `cam --camera ... --info --list-controls` of 0.7. */
export const CAM_INFO = `Using camera /base/soc/i2c0mux/i2c@1/imx219@10 as cam0
Control: [inout] libcamera::LensPosition: [0.000000..32.000000]
Control: [inout] libcamera::AwbEnable: [false..true]
Control: [inout] libcamera::AfMode:
  - AfModeManual (0) [default]
  - AfModeAuto (1)
  - AfModeContinuous (2)
Control: [inout] libcamera::AfWindows: [(0, 0)/0x0..(65535, 65535)/65535x65535]
   Size: n
Control: [inout] libcamera::AnalogueGain: [1.000000..16.000000]
Control: [inout] libcamera::Brightness: [-1.000000..1.000000]
Control: [inout] libcamera::Gamma: [0.100000..10.000000]
Control: [inout] libcamera::ExposureTime: [1..66666]
Control: [in   ] libcamera::AeEnable: [false..true]
Control: [inout] draft::FaceDetectMode:
  - FaceDetectModeOff (0) [default]
Control: [inout] libcamera::FrameDurationLimits: [33333..1000000]
   Size: 2
0: 800x600-XRGB8888/sRGB
 * Pixelformat: YUV420 (32x32)-(3280x2464)/(+2,+2)
  - 640x480
 * Pixelformat: NV12 (32x32)-(3280x2464)/(+2,+2)
  - 640x480
  - 1280x720
  - 1920x1080
 * Pixelformat: XRGB8888 (32x32)-(3280x2464)/(+2,+2)
  - 640x480
`;

/** The same of 0.0.3 (Debian 12), on a board without an image signal processor. */
export const CAM_INFO_OLD = `Using camera /base/soc/csi/ov5640@3c as cam0
Control: Brightness: [-1.000000..1.000000]
Control: AeEnable: [false..true]
0: 640x480-YUYV
 * Pixelformat: YUYV (640x480)-(1280x720)/(+0,+0)
  - 640x480
  - 1280x720
`;

/** `gst-inspect-1.0 libcamerasrc` with libcamera 0.7, shortened. */
export const INSPECT = `Element Properties:
  ae-enable           : Enable or disable the AEGC algorithm. When this control is set to true, both ExposureT
                        flags: readable, writable, controllable
                        Boolean. Default: false
  af-mode             : The mode of the AF (autofocus) algorithm. An implementation may choose not to implemen
                        flags: readable, writable, controllable
                        Enum "AfMode" Default: 0, "manual"
                           (0): manual           - The AF algorithm is in manual mode. In this mode it will ne
                           (1): auto             - The AF algorithm is in auto mode. In this mode the algorith
                           (2): continuous       - The AF algorithm is in continuous mode. In this mode the le
  af-windows          : The focus windows used by the AF algorithm when AfMetering is set to AfMeteringWindows
                        flags: readable, writable, controllable
                        Default: "<  >"
                        GstValueArray of GValues of type "GstValueArray"
  analogue-gain       : Analogue gain value applied in the sensor device. The value of the control specifies t
                        flags: readable, writable, controllable
                        Float. Range:   -3.402823e+38 -    3.402823e+38 Default:               0
  awb-enable          : Enable or disable the AWB. When AWB is enabled, the algorithm estimates the colour tem
                        flags: readable, writable, controllable
                        Boolean. Default: false
  brightness          : Specify a fixed brightness parameter. Positive values (up to 1.0) produce brighter ima
                        flags: readable, writable, controllable
                        Float. Range:   -3.402823e+38 -    3.402823e+38 Default:               0
  camera-name         : Select by name which camera to use.
                        flags: readable, writable, changeable only in NULL or READY state
                        String. Default: null
  colour-correction-matrix: The 3x3 matrix that converts camera RGB to sRGB within the imaging pipeline. This
                        flags: readable, writable, controllable
                        Default: "<  >"
                        GstValueArray of GValues of type "gfloat"
  exposure-time       : Exposure time for the frame applied in the sensor device. This value is specified in m
                        flags: readable, writable, controllable
                        Integer. Range: -2147483648 - 2147483647 Default: 0
  lens-position       : Set and report the focus lens position. This control instructs the lens to move to a p
                        flags: readable, writable, controllable
                        Float. Range:   -3.402823e+38 -    3.402823e+38 Default:               0
  name                : The name of the object
                        flags: readable, writable
                        String. Default: "libcamerasrc0"
`;

/** The same with 0.0.3: no controls. */
export const INSPECT_OLD = `Element Properties:
  camera-name         : Select by name which camera to use.
                        flags: readable, writable, changeable only in NULL or READY state
                        String. Default: null
  name                : The name of the object
                        flags: readable, writable
                        String. Default: "libcamerasrc0"
`;
