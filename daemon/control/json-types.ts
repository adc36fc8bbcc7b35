/** JSON Schemas of what has no name of its own in the documents. */

export const isoTime = { type: 'string', description: 'ISO 8601' } as const;
export const text = { type: 'string' } as const;
export const number = { type: 'number' } as const;
export const integer = { type: 'integer' } as const;
export const anyObject = { type: 'object', additionalProperties: true } as const;
