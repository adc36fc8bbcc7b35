/** A text that is not YAML, or is larger or more tangled than is allowed. */
export class YamlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'YamlError';
  }
}

/**
 * The value of a YAML 1.2 (and so of a JSON) document. Aliases are refused, as a few of them can stand for gigabytes.
 * The parser is loaded with the first document, because that takes longer than everything else of a start.
 *
 * @param limit bytes beyond which a text is not looked at
 * @throws YamlError
 */
export async function parseYaml(text: string, limit: number): Promise<unknown> {
  if (Buffer.byteLength(text) > limit) throw new YamlError(`larger than ${limit} bytes`);
  const { parse } = await import('yaml');
  try {
    return parse(text, { maxAliasCount: 0, logLevel: 'error' });
  } catch (error) {
    // The lines that follow the first repeat the text, which may hold a secret.
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
    throw new YamlError(reason.replace(/:$/, ''));
  }
}
