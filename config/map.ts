/** A JSON object, as opposed to a list, `null` or a plain value. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list of groups, whose parts are settings of their own, as opposed to a list of texts. */
export function isGroupList(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.some(isMap);
}
