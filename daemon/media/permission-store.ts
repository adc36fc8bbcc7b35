/** Who may use which devices (W3C Permissions; Media Capture and Streams, 9): one policy for the process. */

export type PermissionName = 'camera' | 'microphone';
export type PermissionState = 'granted' | 'denied' | 'prompt';

export interface PermissionDescriptor {
  name: PermissionName;
  /** Of a camera: whether it may be moved, too (Image Capture, 9.2). */
  panTiltZoom?: boolean;
}

const STATES: readonly PermissionState[] = ['denied', 'prompt', 'granted'];
const weaker = (a: PermissionState, b: PermissionState): PermissionState =>
  STATES.indexOf(a) < STATES.indexOf(b) ? a : b;

/**
 * The states of the permissions. `prompt` means that somebody would have to be asked; a box without a screen asks nobody,
 * so that it is as good as denied.
 */
export class PermissionStore {
  readonly #states: Record<PermissionName | 'panTiltZoom', PermissionState>;
  readonly #listeners = new Set<() => void>();

  constructor(initial: Partial<Record<PermissionName, PermissionState>> = {}) {
    const { camera = 'granted', microphone = 'granted' } = initial;
    this.#states = { camera, microphone, panTiltZoom: camera };
  }

  state({ name, panTiltZoom = false }: PermissionDescriptor): PermissionState {
    const state = this.#states[name];
    return name === 'camera' && panTiltZoom ? weaker(state, this.#states.panTiltZoom) : state;
  }

  /** Who may move a camera may use it; who may not use it may not move it. */
  set({ name, panTiltZoom = false }: PermissionDescriptor, state: PermissionState): void {
    if (name === 'camera' && panTiltZoom) {
      this.#states.panTiltZoom = state;
      if (state === 'granted') this.#states.camera = state;
    } else {
      this.#states[name] = state;
    }
    for (const listener of [...this.#listeners]) listener();
  }

  /** Returns what removes the listener. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
