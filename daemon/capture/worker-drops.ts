/** Counts what the queues before the encoders dropped, by their names in the launch string (`countedQueue`). */
export class QueueDrops {
  readonly #element: (name: string) => Record<string, unknown> | undefined;
  readonly #room: number;
  readonly #dropped = new Map<string, number>();

  /** @param room how many buffers there are between the two points at which a queue's are counted, while none is dropped. */
  constructor(element: (name: string) => Record<string, unknown> | undefined, room: number) {
    this.#element = element;
    this.#room = room;
  }

  /** Buffers since the beginning; what may still be on its way is not among them. */
  of(queue: string): number {
    // In this order: what passes meanwhile must not count as dropped.
    const offered = this.#count(`offered_${queue}`);
    const dropped = Math.max(this.#dropped.get(queue) ?? 0, offered - this.#count(`taken_${queue}`) - this.#room);
    this.#dropped.set(queue, dropped);
    return dropped;
  }

  #count(counter: string): number {
    return Number(this.#element(counter)?.['frames-rendered'] ?? 0);
  }
}
