/** One `m=` section of a session description, or what stands before the first one. */
export class SdpSection {
  /** Value of the `m=` line; empty for the session part. */
  readonly media: string;
  readonly #attributes: readonly string[];

  constructor(lines: readonly string[]) {
    this.media = lines[0]?.startsWith('m=') ? lines[0].slice(2) : '';
    this.#attributes = lines.filter((line) => line.startsWith('a=')).map((line) => line.slice(2));
  }

  /** The value of the first `a=name:value`; an empty string for a bare `a=name`; undefined without one. */
  attribute(name: string): string | undefined {
    return this.attributes(name)[0];
  }

  attributes(name: string): string[] {
    const values: string[] = [];
    for (const attribute of this.#attributes) {
      if (attribute === name) values.push('');
      else if (attribute.startsWith(`${name}:`)) values.push(attribute.slice(name.length + 1));
    }
    return values;
  }
}

/** A session description (RFC 8866) cut into its sections; values are as they came and still to be checked. */
export interface SessionDescription {
  session: SdpSection;
  media: SdpSection[];
}

/** @returns undefined for text that is no session description. */
export function readSessionDescription(text: string): SessionDescription | undefined {
  const lines = text.split(/\r\n|\n/);
  if (lines[0] !== 'v=0') return undefined;
  const sections: string[][] = [[]];
  for (const line of lines) {
    if (line.startsWith('m=')) sections.push([]);
    sections.at(-1)?.push(line);
  }
  const [session, ...media] = sections.map((section) => new SdpSection(section));
  return { session: session as SdpSection, media };
}
