import { execFile } from 'node:child_process';

export interface ToolResult {
  /** The program could not be started: it is not installed. */
  readonly missing: boolean;
  /** Exit code 0 within the time. */
  readonly ok: boolean;
  readonly stdout: string;
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
      (error, stdout) =>
        resolve({
          missing: error !== null && (error as NodeJS.ErrnoException).code === 'ENOENT',
          ok: error === null,
          stdout,
        }),
    );
  });
}
