/** Whether a text is as a pattern says, in which `*` stands for any characters, none included. */
export function matchesGlob(text: string, pattern: string): boolean {
  const [first = '', ...parts] = pattern.split('*');
  if (parts.length === 0) return text === pattern;
  const last = parts.pop() as string;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  // The leftmost place of each part leaves the most room for those after it.
  let at = first.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at + last.length <= text.length;
}
