import { execFile } from 'node:child_process';

export interface ToolResult {
  /** The program could not be started: it is not installed. */
  readonly missing: boolean;
  /** Exit code 0 within the time. */
  readonly ok: boolean;
  /** It was killed for it took too long. */
  readonly late: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a helper program to its end, without a shell, killed when it takes too long; never rejects. */
export function runTool(
  program: string,
  args: readonly string[],
  options: { timeout: number; env?: Readonly<Record<string, string>> },
): Promise<ToolResult> {
  const { timeout, env } = options;
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { timeout, killSignal: 'SIGKILL', maxBuffer: 4 << 20, env: { ...process.env, LC_ALL: 'C', ...env } },
      (error, stdout, stderr) =>
        resolve({
          missing: error !== null && (error as NodeJS.ErrnoException).code === 'ENOENT',
          ok: error === null,
          late: error?.killed === true,
          stdout,
          stderr,
        }),
    );
  });
}
