import { join } from 'node:path';
import { REFUSAL_DEBUG } from './driver-refusal.ts';

/**
 * Environment of every process of ours that loads GStreamer.
 * GStreamer keeps its registry of plug-ins in the user's cache. A service without a home would scan all plug-ins at
 * each start (half a second and more), so there it stands in the state directory; `GST_REGISTRY` is respected.
 */
export function gstreamerEnvironment(
  stateDirectory: string,
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const cached = env.GST_REGISTRY !== undefined || env.XDG_CACHE_HOME !== undefined || env.HOME !== undefined;
  return {
    ...(cached ? {} : { GST_REGISTRY: join(stateDirectory, `gstreamer-${process.arch}.registry`) }),
    // The bus poll and a snapshot each hold a thread of libuv's pool, which has four.
    UV_THREADPOOL_SIZE: '8',
    GST_DEBUG_NO_COLOR: '1',
    ...(env.GST_DEBUG === undefined && { GST_DEBUG: REFUSAL_DEBUG }),
    // It tells of every start otherwise.
    LIBCAMERA_LOG_LEVELS: '*:WARN',
    LIBCAMERA_LOG_NO_COLOR: '1',
  };
}
