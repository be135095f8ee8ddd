import { dirname } from 'node:path'
import { invariant } from '@orrery/environment'
import { createReportReader, type Report } from './report.ts'
import { type SystemCall, traceSystemCalls } from './strace.ts'
import type { WriterOptions } from './writer-options.ts'

/** What a process did to the files of one directory, and what it told. Paths begin with the directory's. */
export type RecordedEvent =
  | { readonly type: 'makeDirectory' | 'open' | 'sync' | 'unlink'; readonly path: string }
  | { readonly type: 'rename'; readonly from: string; readonly to: string }
  | { readonly type: 'truncate'; readonly path: string; readonly length: number }
  | {
      readonly type: 'write'
      readonly path: string
      readonly offset: number
      readonly bytes: Buffer
      /** Durable when it has returned, by itself. */
      readonly synced: boolean
    }
  | { readonly type: 'report'; readonly report: Report }

/** Runs the writer, and records all of this in the order in which it came to its end. */
export async function record(program: string, options: WriterOptions): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  const recorder = new Recorder(options.directory, (event) => events.push(event))
  const args = [program, JSON.stringify(options)]
  for await (const call of traceSystemCalls(process.execPath, args)) if (call.result >= 0) recorder.take(call)
  return events
}

/** Turns calls into events. */
class Recorder {
  readonly #directory: string
  readonly #emit: (event: RecordedEvent) => void
  readonly #readReports: (text: string) => void
  /** Files that are open, by descriptor. */
  readonly #positions = new Map<number, number>()
  readonly #synced = new Set<number>()

  constructor(directory: string, emit: (event: RecordedEvent) => void) {
    this.#directory = directory
    this.#emit = emit
    this.#readReports = createReportReader((report) => {
      emit({ type: 'report', report: report as Report })
    })
  }

  take(call: SystemCall): void {
    const [path] = textsOf(call.args).filter((text) => this.#isInside(text))
    const descriptor = Number.parseInt(call.args)
    if (call.name === 'write' && descriptor === 1 && path === undefined) {
      const told = writtenBy(call).toString()
      if (told.startsWith('{"type"')) this.#readReports(told)
    }
    if (path !== undefined) this.#change(call, path, descriptor)
  }

  #isInside(path: string): boolean {
    // The directory around it names it.
    return path === dirname(this.#directory) || `${path}/`.startsWith(`${this.#directory}/`)
  }

  #change(call: SystemCall, path: string, descriptor: number): void {
    const { name, args, result } = call
    switch (name) {
      case 'openat':
        this.#open(path, args, result)
        return
      case 'lseek':
        this.#positions.set(descriptor, result)
        return
      case 'write':
      case 'writev': {
        const offset = this.#positions.get(descriptor) ?? 0
        this.#positions.set(descriptor, offset + result)
        this.#write(call, { path, offset, descriptor })
        return
      }
      case 'pwrite64':
        this.#write(call, { path, offset: lastNumber(args), descriptor })
        return
      case 'ftruncate':
        this.#emit({ type: 'truncate', path, length: lastNumber(args) })
        return
      case 'fsync':
      case 'fdatasync':
        this.#emit({ type: 'sync', path })
        return
      case 'mkdir':
        this.#emit({ type: 'makeDirectory', path })
        return
      case 'unlink':
        this.#emit({ type: 'unlink', path })
        return
      case 'rename': {
        const [from = '', to = ''] = textsOf(args)
        this.#emit({ type: 'rename', from, to })
        return
      }
      default:
        throw new Error(`nothing is known about the durability of ${name}`)
    }
  }

  #open(path: string, args: string, descriptor: number): void {
    this.#positions.set(descriptor, 0)
    if (/O_D?SYNC/.test(args)) this.#synced.add(descriptor)
    else this.#synced.delete(descriptor)
    if (args.includes('O_CREAT')) this.#emit({ type: 'open', path })
    if (args.includes('O_TRUNC')) this.#emit({ type: 'truncate', path, length: 0 })
  }

  #write(call: SystemCall, at: { path: string; offset: number; descriptor: number }): void {
    const { path, offset, descriptor } = at
    this.#emit({ type: 'write', path, offset, bytes: writtenBy(call), synced: this.#synced.has(descriptor) })
  }
}

/** The texts of a call's arguments that are names: in quotes, or behind a descriptor. */
function textsOf(args: string): string[] {
  // What is written comes behind the file.
  const names = args.slice(0, 4_096).matchAll(/["<]((?:\\x[0-9a-f]{2})+)[">]/g)
  return [...names].map(([, hex = '']) => bytesOf(hex).toString())
}

function writtenBy({ args, result }: SystemCall): Buffer {
  const parts = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) => bytesOf(hex))
  const bytes = Buffer.concat(parts).subarray(0, result)
  invariant(bytes.length === result, 'strace prints what is written')
  return bytes
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll('\\x', ''), 'hex')
}

function lastNumber(args: string): number {
  return Number(args.slice(args.lastIndexOf(',') + 1))
}
