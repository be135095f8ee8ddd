import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startProcess } from '../servers/child.ts'

/** A system call that has returned. */
export interface SystemCall {
  readonly name: string
  /** As strace prints them. */
  readonly args: string
  readonly result: number
}

/** Every way in which a process may change files. Mapped memory is none that can be seen. */
const traced = [
  ...['openat', 'open', 'creat', 'lseek', 'write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'],
  ...['ftruncate', 'truncate', 'fallocate', 'fsync', 'fdatasync', 'sync_file_range', 'copy_file_range'],
  ...['rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'mkdir', 'mkdirat', 'rmdir', 'link', 'linkat'],
]
/** No write of a test is longer. Unit: bytes. */
const stringMaxBytes = 1_048_576

/** Runs a program to its end, and yields the calls of all its threads in the order in which they returned. */
export async function* traceSystemCalls(
  program: string,
  args: readonly string[],
): AsyncGenerator<SystemCall> {
  const directory = await mkdtemp(join(tmpdir(), 'orrery-strace-'))
  const log = join(directory, 'log')
  const options = [
    ...['--follow-forks', '--decode-fds=path', '--strings-in-hex=all', '--seccomp-bpf'],
    ...[`--string-limit=${stringMaxBytes}`, `--trace=${traced.join(',')}`, `--output=${log}`],
  ]
  try {
    const run = await startProcess('strace', [...options, program, ...args], { debianPackage: 'strace' })
    await run.ended
    const unfinished = new Map<string, string>()
    for await (const line of createInterface({ input: createReadStream(log, 'latin1') })) {
      const call = parse(line, unfinished)
      if (call !== undefined) yield call
    }
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** A call that others overtook is printed in two parts. */
const beginning = ' <unfinished ...>'
const resumption = /^<\.\.\. \w+ resumed>/
const returned = /^(\w+)\((.*)\) += (-?\d+)/

function parse(line: string, unfinished: Map<string, string>): SystemCall | undefined {
  const [thread = ''] = line.split(' ', 1)
  const text = line.slice(thread.length).trimStart()
  if (text.endsWith(beginning)) {
    unfinished.set(thread, text.slice(0, -beginning.length))
    return undefined
  }
  const whole = text.replace(resumption, () => unfinished.get(thread) ?? '')
  // What remains are signals and ends of threads, and calls that the end of the process cut off.
  const [, name, args, result] = returned.exec(whole) ?? []
  if (name === undefined || args === undefined) return undefined
  if (args.includes('"...')) throw new Error(`strace has cut an argument of ${name}`)
  return { name, args, result: Number(result) }
}
