// A scriptable camera in the terms of Chromium's mock of image capture, for the conformance suite: it stands in front of a
// TrackSource, so that what is tested is ImageCapture and the constraints themselves.
//
//   new ImageCaptureTest().initialize(); ...mockImageCapture().state() ...options(); await ...reset()
//
// From initialize() to reset() every source that went through scriptable() has the camera's controls and photos; before
// and after it has its own.

/** Modes as the mock counts them. */
const METERING_MODES = ['none', 'manual', 'single-shot', 'continuous'];
const FILL_LIGHT_MODES = ['off', 'auto', 'flash'];
const RED_EYE_REDUCTIONS = ['never', 'always', 'controllable'];
const meteringMode = (word) => METERING_MODES.indexOf(word);

const MODES = { whiteBalanceMode: 'WhiteBalanceMode', exposureMode: 'ExposureMode', focusMode: 'FocusMode' };
const PAN_TILT_ZOOM = ['pan', 'tilt', 'zoom'];
const range = (min, max, current, step) => ({ min, max, current, step });
/** Limits, value and step of every number; the suite asks for values within these. */
const numbers = () => ({
  exposureCompensation: range(-200, 200, 33, 33),
  exposureTime: range(100, 100_000, 1000, 100),
  colorTemperature: range(2500, 6500, 6000, 1000),
  iso: range(100, 12_000, 400, 1),
  brightness: range(1, 10, 5, 1),
  contrast: range(2, 9, 5, 1),
  saturation: range(3, 8, 6, 1),
  sharpness: range(4, 7, 7, 1),
  focusDistance: range(1, 10, 3, 1),
  pan: range(0, 10, 5, 2),
  tilt: range(0, 10, 5, 2),
  zoom: range(0, 10, 5, 5),
});
const NUMBERS = Object.keys(numbers());

class ScriptedCamera {
  #state = {
    supportedWhiteBalanceModes: ['single-shot', 'continuous'].map(meteringMode),
    currentWhiteBalanceMode: meteringMode('continuous'),
    supportedExposureModes: ['manual', 'single-shot', 'continuous'].map(meteringMode),
    currentExposureMode: meteringMode('manual'),
    supportedFocusModes: ['manual', 'single-shot'].map(meteringMode),
    currentFocusMode: meteringMode('manual'),
    pointsOfInterest: [{ x: 0.4, y: 0.6 }],
    ...numbers(),
    supportsTorch: true,
    torch: false,
    redEyeReduction: RED_EYE_REDUCTIONS.indexOf('controllable'),
    width: range(320, 3264, 320, 3),
    height: range(240, 2448, 240, 2),
    fillLightMode: ['auto', 'flash'].map((word) => FILL_LIGHT_MODES.indexOf(word)),
  };
  #options = null;

  /** The camera: tests read it, and may change it. */
  state() {
    return this.#state;
  }

  /** What was asked of it last, or null: a value and `has...` for each of its properties; what was not asked is as it is. */
  options() {
    return this.#options;
  }

  capabilities(panTiltZoom) {
    const state = this.#state;
    return {
      ...Object.fromEntries(
        Object.entries(MODES).map(([name, word]) => [
          name,
          state[`supported${word}s`].map((mode) => METERING_MODES[mode]),
        ]),
      ),
      ...Object.fromEntries(this.#numbers(panTiltZoom).map((name) => [name, limits(state[name])])),
      ...(state.supportsTorch && { torch: [false, true] }),
    };
  }

  settings(panTiltZoom) {
    const state = this.#state;
    return {
      ...Object.fromEntries(
        Object.entries(MODES).map(([name, word]) => [name, METERING_MODES[state[`current${word}`]]]),
      ),
      pointsOfInterest: structuredClone(state.pointsOfInterest),
      ...Object.fromEntries(this.#numbers(panTiltZoom).map((name) => [name, state[name].current])),
      torch: state.torch,
    };
  }

  setControls(settings, panTiltZoom) {
    if (!panTiltZoom && PAN_TILT_ZOOM.some((name) => name in settings)) throw new Error('the camera may not be moved');
    const state = this.#state;
    for (const [name, value] of Object.entries(settings)) {
      if (name in MODES) state[`current${MODES[name]}`] = meteringMode(value);
      else if (NUMBERS.includes(name)) state[name].current = value;
      else state[name] = value;
    }
    this.#tell(settings);
  }

  photoCapabilities() {
    const { redEyeReduction, width, height, fillLightMode } = this.#state;
    return {
      redEyeReduction: RED_EYE_REDUCTIONS[redEyeReduction],
      imageWidth: limits(width),
      imageHeight: limits(height),
      fillLightMode: fillLightMode.map((mode) => FILL_LIGHT_MODES[mode]),
    };
  }

  photoSettings() {
    return { imageWidth: this.#state.width.current, imageHeight: this.#state.height.current };
  }

  photo(wish) {
    const { width, height } = this.#state;
    if (wish.width !== undefined) width.current = wish.width;
    if (wish.height !== undefined) height.current = wish.height;
    this.#tell(wish);
    return { jpeg: Buffer.alloc(2), type: 'image/cat', width: width.current, height: height.current };
  }

  #numbers(panTiltZoom) {
    return panTiltZoom ? NUMBERS : NUMBERS.filter((name) => !PAN_TILT_ZOOM.includes(name));
  }

  #tell(asked) {
    const { width, height, fillLightMode } = this.#state;
    const now = {
      width: width.current,
      height: height.current,
      fillLightMode: FILL_LIGHT_MODES[fillLightMode[0]],
      redEyeReduction: false,
      ...this.settings(true),
      ...asked,
    };
    this.#options = {};
    for (const [name, value] of Object.entries(now)) {
      this.#options[`has${name[0].toUpperCase()}${name.slice(1)}`] = name in asked;
      if (name in MODES) this.#options[name] = meteringMode(value);
      else this.#options[name] = name === 'fillLightMode' ? FILL_LIGHT_MODES.indexOf(value) : value;
    }
  }
}

const limits = ({ min, max, step }) => ({ min, max, step });

let camera = null;

export class ImageCaptureTest {
  initialize() {
    if (camera !== null) throw new Error('reset() comes before another initialize()');
    camera = new ScriptedCamera();
  }

  async reset() {
    if (camera === null) throw new Error('initialize() comes before reset()');
    camera = null;
  }

  mockImageCapture() {
    return camera;
  }
}

/**
 * A source of pictures with the scripted camera before it.
 * @param source TrackSource
 * @param panTiltZoom Tells whether the permission to move the camera is granted.
 */
export function scriptable(source, panTiltZoom = () => true) {
  return before(source, {
    capabilities: () => ({ ...source.capabilities(), ...camera?.capabilities(panTiltZoom()) }),
    encode: (configuration) => {
      const encoded = source.encode(configuration);
      return before(encoded, { settings: () => ({ ...encoded.settings(), ...camera?.settings(panTiltZoom()) }) });
    },
    setControls: async (settings) =>
      camera === null ? source.setControls(settings) : camera.setControls(settings, panTiltZoom()),
    photo: async (wish = {}) => (camera === null ? source.photo(wish) : camera.photo(wish)),
    photoCapabilities: () => (camera ?? source).photoCapabilities?.(),
    photoSettings: () => (camera ?? source).photoSettings?.(),
  });
}

/** An object with members of another before its own. */
function before(object, members) {
  return new Proxy(object, {
    get: (target, name) => {
      if (name in members) return members[name];
      const value = target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
