/**
 * Something with a deadline. Extend it with what the deadline is about; an entry is its own list node, so
 * that arming it again allocates nothing.
 *
 * An entry waits in at most one wheel. Scheduling it in another one moves it there, and an entry that was
 * left behind in a wheel that nobody uses any more costs nothing to move.
 */
export class WheelEntry {
  /** The neighbours in the list of a slot, or the entry itself. Written by the wheel only. @internal */
  next: WheelEntry = this
  /** @internal */
  previous: WheelEntry = this

  /**
   * When the entry was last scheduled for. Unit: ms of the host's monotonic clock; `NaN` before the first
   * time. Written by the wheel only.
   */
  deadlineMs = Number.NaN

  /** Whether the entry waits in a wheel. */
  get scheduled(): boolean {
    return this.next !== this
  }
}
