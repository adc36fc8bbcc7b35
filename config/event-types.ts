/** The types of events; they are stable. What each says stands in daemon/control/events.ts. */
export const EVENT_TYPES = [
  'stream_state',
  'viewer_joined',
  'viewer_left',
  'set_failed',
  'device_added',
  'device_removed',
  'device_reset',
  'health',
  'thermal',
  'encoder_failed',
  'config',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];
