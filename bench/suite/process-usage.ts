import { readFileSync } from 'node:fs'

/** The unit of `/proc/<pid>/stat`, which Linux keeps at a hundredth of a second for all programs. Unit: us. */
const tickUs = 10_000

/** Processor time that processes, all their threads included, have used so far, user and system. Unit: us. */
export function cpuTimeUs(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program, in parentheses, may contain spaces. utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12])
  })
  return sum(ticks) * tickUs
}

/** Resident memory of processes. Unit: bytes. */
export function residentBytes(pids: readonly number[]): number {
  const kibibytes = pids.map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0)
  })
  return sum(kibibytes) * 1024
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
