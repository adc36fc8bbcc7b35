import { join } from 'node:path';

/**
 * Environment of every process of ours that loads GStreamer.
 * The registry of plug-ins is kept where we may write: without one, each start would scan all plug-ins again (half a second and more).
 */
export function gstreamerEnvironment(stateDirectory: string): Record<string, string> {
  return {
    GST_REGISTRY: join(stateDirectory, `gstreamer-${process.arch}.registry`),
    // The bus poll and a snapshot each hold a thread of libuv's pool, which has four.
    UV_THREADPOOL_SIZE: '8',
    // Fewer heaps of malloc for the many threads of a pipeline.
    MALLOC_ARENA_MAX: '2',
    GST_DEBUG_NO_COLOR: '1',
  };
}
