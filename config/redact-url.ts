export const HIDDEN = '***';

/** Hides the password of `scheme://user:password@host`, and of `turn:user:password@host`. */
export function redactUrl(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:(?:\/\/)?[^:@/\s]*:)[^\s]*@/i, `$1${HIDDEN}@`);
}
