import { cpuTimeUs, residentBytes } from './process-usage.ts'
import { alternate, count, median, type Row } from './report.ts'

/** A server under measurement. */
export interface Contestant {
  /** Its processes. */
  readonly pids: readonly number[]
}

/** What one run says. */
export interface Run {
  /** Calls, messages or events that were counted. */
  readonly calls: number
  /** What is compared, for example calls per second. */
  readonly value: number
}

/** Ours and its peer. */
export interface Sides<C extends Contestant> {
  readonly ours: C
  /** Undefined: it is not installed. */
  readonly peer: C | undefined
}

/** The medians of several runs of one server. */
export interface Measured {
  readonly value: number
  /** Processor time of the whole server for each call. Unit: us. */
  readonly cpuUs: number
  /** Resident memory after the last run. */
  readonly residentBytes: number
}

/** Both sides; the ratios are medians of the ratios of neighbouring runs, ours by theirs. */
export interface Comparison {
  readonly ours: Measured
  readonly beside?: { readonly peer: Measured; readonly ratio: number; readonly cpuRatio: number }
}

const turns = 5

/** Measures both sides in turns, after a run of each that does not count. */
export async function compare<C extends Contestant>(
  { ours, peer }: Sides<C>,
  measure: (contestant: C) => Promise<Run>,
): Promise<Comparison> {
  const ourRuns = observed(ours, measure)
  await measure(ours)
  if (peer === undefined) {
    for (let turn = 0; turn < turns; turn++) await ourRuns.run()
    return { ours: ourRuns.result() }
  }
  const peerRuns = observed(peer, measure)
  await measure(peer)
  const { ratio } = await alternate(turns, ourRuns.run, peerRuns.run)
  const cpuRatio = median(ourRuns.cpuUs.map((own, at) => own / (peerRuns.cpuUs[at] ?? Number.NaN)))
  return { ours: ourRuns.result(), beside: { peer: peerRuns.result(), ratio, cpuRatio } }
}

/** Runs of one side, and what its processes use meanwhile. */
function observed<C extends Contestant>(
  contestant: C,
  measure: (contestant: C) => Promise<Run>,
): { run: () => Promise<number>; cpuUs: readonly number[]; result: () => Measured } {
  const values: number[] = []
  const cpuUs: number[] = []
  let resident = 0
  return {
    run: async () => {
      const before = cpuTimeUs(contestant.pids)
      const { calls, value } = await measure(contestant)
      cpuUs.push((cpuTimeUs(contestant.pids) - before) / calls)
      resident = residentBytes(contestant.pids)
      values.push(value)
      return value
    },
    cpuUs,
    result: () => ({ value: median(values), cpuUs: median(cpuUs), residentBytes: resident }),
  }
}

/** How a comparison is shown. */
export interface RowOptions {
  /** The value as text. @defaultValue calls per second */
  readonly show?: (value: number) => string
  /** The ratio to reach. */
  readonly goal?: { readonly atLeast: number } | { readonly atMost: number }
  /** Who the peer is, for the row without it. @defaultValue `etcd` */
  readonly peerName?: string
}

/** The line of a comparison: value, ratio, processor time and memory. */
export function comparisonRow(what: string, { ours, beside }: Comparison, options: RowOptions = {}): Row {
  const { show = perSecond, goal, peerName = 'etcd' } = options
  const verdict = goal === undefined ? {} : judge(goal, beside?.ratio)
  if (beside === undefined) return { what, ours: cell(ours, show), peer: missing(peerName), ...verdict }
  return {
    what,
    ours: cell(ours, (value) => `${show(value)}, ${beside.ratio.toFixed(2)} x`),
    peer: cell(beside.peer, show),
    ...verdict,
  }
}

/** The line of the processor time alone. */
export function cpuRow(what: string, { ours, beside }: Comparison, goal: { readonly atMost: number }): Row {
  const own = microseconds(ours.cpuUs)
  if (beside === undefined) return { what, ours: own, peer: missing('etcd'), ...judge(goal, undefined) }
  return {
    what,
    ours: `${own}, ${beside.cpuRatio.toFixed(2)} x`,
    peer: microseconds(beside.peer.cpuUs),
    ...judge(goal, beside.cpuRatio),
  }
}

/** 12,345/s */
export function perSecond(value: number): string {
  return `${count(value)}/s`
}

/** 120 MB */
export function megabytes(bytes: number): string {
  return `${count(bytes / 2 ** 20)} MB`
}

function judge(
  goal: { readonly atLeast: number } | { readonly atMost: number },
  ratio: number | undefined,
): Pick<Row, 'goal' | 'reached'> {
  const isFloor = 'atLeast' in goal
  const text = isFloor ? `>= ${goal.atLeast} x` : `<= ${goal.atMost} x`
  if (ratio === undefined) return { goal: text }
  return { goal: text, reached: isFloor ? ratio >= goal.atLeast : ratio <= goal.atMost }
}

function missing(program: string): string {
  return `${program} is not installed`
}

function cell(measured: Measured, show: (value: number) => string): string {
  return `${show(measured.value)}, ${microseconds(measured.cpuUs)} CPU, ${megabytes(measured.residentBytes)}`
}

function microseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : count(value)} us`
}
