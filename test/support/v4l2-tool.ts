import type { runTool, ToolResult } from '../../daemon/capture/run-tool.ts';

/** A mode control, the control that it decides, and the mode's value with which the other may be set. */
export type Decision = readonly [mode: string, decided: string, manual: number];

/** v4l2-ctl on a device that only exists as what it once printed: values can be set, and modes make others inactive. */
export class V4l2Tool {
  /** `name=value` in the order of their setting. */
  readonly set: string[] = [];
  /** How often the controls were listed. */
  listed = 0;
  /** The driver's answer to the setting of a control, in words of errno. */
  readonly refuse = new Map<string, string>();
  readonly #decisions: readonly Decision[];
  #output: string;

  constructor(output: string, decisions: readonly Decision[] = []) {
    this.#output = output;
    this.#decisions = decisions;
  }

  readonly run: typeof runTool = async (_program, args): Promise<ToolResult> => {
    const setting = /^--set-ctrl=(\w+)=(-?\d+)$/.exec(args[2] ?? '');
    if (setting === null) {
      this.listed += 1;
      return result(this.#output);
    }
    const [, name = '', value = ''] = setting;
    const refusal = this.refuse.get(name);
    if (refusal !== undefined) return { ...result(''), ok: false, stderr: `VIDIOC_S_EXT_CTRLS: failed: ${refusal}\n` };
    this.set.push(`${name}=${value}`);
    this.#edit(name, (line) => line.replace(/ value=-?\d+/, ` value=${value}`));
    for (const [mode, decided, manual] of this.#decisions)
      if (mode === name)
        this.#edit(
          decided,
          (line) => line.replace(/ flags=inactive$/, '') + (Number(value) === manual ? '' : ' flags=inactive'),
        );
    return result('');
  };

  #edit(name: string, change: (line: string) => string): void {
    this.#output = this.#output.replace(new RegExp(`^ *${name} 0x.*$`, 'm'), change);
  }
}

function result(stdout: string): ToolResult {
  return { missing: false, ok: true, late: false, stdout, stderr: '' };
}
