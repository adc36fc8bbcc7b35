/** A step of the set-up that cannot be done here; the message says what to run. */
export class SetUpError extends Error {}

/** One line to the person who waits. */
export function say(line) {
  process.stdout.write(`${line}\n`);
}
