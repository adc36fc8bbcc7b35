/** The elements of every pipeline that the gateway may make of cameras, microphones, test devices, network cameras and slates. */
const EXPECTED = new Set(
  (
    'videotestsrc audiotestsrc v4l2src alsasrc libcamerasrc rtspsrc appsrc fdsrc gdpdepay decodebin capsfilter videoconvert videoscale videorate videobalance ' +
    'multipartmux videocrop videoflip videoconvertscale clockoverlay textoverlay timeoverlay tee queue valve identity fakesink fdsink appsink multifdsink ' +
    'x264enc openh264enc v4l2h264enc vah264enc x265enc vp8enc jpegenc jpegdec jpegparse avdec_mjpeg h264parse h265parse avdec_h264 avdec_h265 ' +
    'opusenc alawenc mulawenc fdkaacenc avenc_aac voaacenc faac rtpmp4gpay rtppcmapay rtppcmupay ' +
    'rtpopusdepay rtpmp4gdepay rtpmp4adepay rtppcmadepay rtppcmudepay rtpg722depay ' +
    'audioconvert audioresample volume level rtph264pay rtph265pay rtpvp8pay rtpjpegpay rtpopuspay rtph264depay rtph265depay rtpjpegdepay ' +
    'rtponviftimestamp rtpstreampay fpsdisplaysink'
  ).split(' '),
);

/** The names of the elements of a launch string, caps and properties left out. */
function elementsOf(launch: string): string[] {
  const unquoted = launch.replaceAll(/"(\\.|[^"\\])*"/g, '""');
  return unquoted.split(/!|\s(?=\w+\. )/).flatMap((part) => {
    const word = /^\s*(?:\w+\.\s+)?([a-z][a-z0-9-]*)(?=\s|$)/.exec(part)?.[1];
    return word === undefined ? [] : [word];
  });
}

/** The elements of a launch string that nothing but a text from outside can have put there. */
export function unexpectedElements(launch: string): string[] {
  return elementsOf(launch).filter((element) => !EXPECTED.has(element));
}
