import { readFileSync } from 'node:fs';

/** Lines of one element that are nearer to each other belong to one frame. In nanoseconds. */
const SAME_FRAME = 10e6;

/**
 * Environment in which GStreamer writes down what each frame takes in each element (its `latency` tracer).
 * @param file where to, with `%p` for the process.
 */
export function latencyTracing(file: string): Record<string, string> {
  return {
    GST_TRACERS: 'latency(flags=element+pipeline)',
    GST_DEBUG: 'GST_TRACER:7',
    GST_DEBUG_NO_COLOR: '1',
    GST_DEBUG_FILE: file,
  };
}

/** What frames took in the parts of a capture pipeline, in milliseconds. */
export interface PipelineLatency {
  /** From the source to the encoder: conversion, and the wait for the encoder. */
  before: number[];
  encoder: number[];
  /** From the encoder on: parser, payloader, queue of packets. */
  after: number[];
}

interface Passage {
  /** Since the pipeline's beginning, and within the element, in nanoseconds. */
  ts: number;
  time: number;
}

/** Reads a trace: times of the frames from this one on. */
export function readLatencyTrace(path: string, from: number): PipelineLatency {
  const elements = new Map<string, Passage[]>();
  const line = / element-latency, .*element=\(string\)([^,]+), .*time=\(guint64\)(\d+), ts=\(guint64\)(\d+);/;
  for (const text of readFileSync(path, 'latin1').split('\n')) {
    const [, name = '', time, ts] = line.exec(text) ?? [];
    if (time === undefined) continue;
    const passages = elements.get(name) ?? [];
    elements.set(name, passages);
    const last = passages.at(-1);
    if (last === undefined || Number(ts) - last.ts > SAME_FRAME) passages.push({ ts: Number(ts), time: Number(time) });
  }
  const encoder = elements.get('encoder0') ?? [];
  const result: PipelineLatency = { before: [], encoder: [], after: [] };
  for (const [index, { ts, time }] of encoder.entries()) {
    if (index < from) continue;
    let [before, after] = [0, 0];
    for (const [name, passages] of elements) {
      const passage = name === 'encoder0' ? undefined : passages[index];
      if (passage === undefined) continue;
      if (passage.ts < ts) before += passage.time;
      else after += passage.time;
    }
    result.encoder.push(time / 1e6);
    result.before.push(before / 1e6);
    result.after.push(after / 1e6);
  }
  return result;
}
