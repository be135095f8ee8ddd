/**
 * What the process writes that the crash test kills: entry after entry, each a function of its index, so
 * that the state at any index can be told without having been there.
 */
export interface Story {
  put(main: number, sub: number, tombstone: boolean, record: Uint8Array): void
  delete(main: number, sub: number, tombstone: boolean): void
  setMeta(name: string, value: Uint8Array | undefined): void
}

/** The effects of the log entry with this index. */
export function applyEntry(index: number, story: Story): void {
  const record = new Uint8Array(50 + (index % 400)).fill(index)
  story.put(index, 0, false, record)
  story.put(index, 1, index % 7 === 0, record)
  // Like a compaction: what is long past goes, out of order.
  const old = index - 40
  if (old > 0 && old % 3 !== 0) {
    story.delete(old, 1, old % 7 === 0)
    story.delete(old, 0, false)
  }
  story.setMeta('count', Buffer.from(String(index)))
  story.setMeta(`mark/${String(index % 10)}`, index % 4 === 0 ? undefined : Buffer.from(String(index)))
}
