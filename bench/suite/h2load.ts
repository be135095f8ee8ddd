import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Call } from './calls.ts'

/** What one run of the load generator sends. */
export interface Load extends Call {
  /** host:port */
  readonly endpoint: string
  readonly requests: number
  readonly connections: number
  readonly streams: number
}

const frameHeaderBytes = 5

/**
 * Sends unary gRPC requests over and over by nghttp2's `h2load`.
 *
 * @returns requests per second
 * @throws Error when a request failed
 */
export function h2load(load: Load): Promise<number> {
  return withRequest(load.message, (body) => generate(load, ['-d', body]))
}

/** {@link h2load}, for how long each request takes. @returns unit: us, from shortest to longest */
export function h2loadLatencies(load: Load): Promise<readonly number[]> {
  return withRequest(load.message, async (body) => {
    const log = `${body}.log`
    await generate(load, ['-d', body, `--log-file=${log}`])
    // Each line: when it began, HTTP status, how long it took. Unit: us.
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n')
    return lines.map((line) => Number(line.split('\t')[2])).sort((a, b) => a - b)
  })
}

/** Runs `use` with the path of a file that holds a message as gRPC sends it. */
async function withRequest<T>(message: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-h2load-'))
  try {
    const body = join(directory, 'body')
    const frame = Buffer.alloc(frameHeaderBytes + message.length)
    frame.writeUInt32BE(message.length, 1)
    frame.set(message, frameHeaderBytes)
    writeFileSync(body, frame)
    return await use(body)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function generate(
  { endpoint, methods, requests, connections, streams }: Load,
  args: readonly string[],
): Promise<number> {
  const child = spawn('h2load', [
    ...['-n', String(requests), '-c', String(connections), '-m', String(streams), '-t', '1'],
    ...['-H', 'content-type: application/grpc', '-H', 'te: trailers', ...args],
    ...methods.map((method) => `http://${endpoint}/${method}`),
  ])
  let output = ''
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString()
  })
  await new Promise((resolve) => child.on('close', resolve))
  const rate = /finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1]
  const succeeded = / (\d+) succeeded/.exec(output)?.[1]
  // It goes by the HTTP status, which is 200 for a call that failed, too. But that has no message.
  const bytes = Number(/\((\d+)\) data$/m.exec(output)?.[1])
  const isComplete = Number(succeeded) === requests && bytes >= requests * frameHeaderBytes
  if (rate === undefined || !isComplete) throw new Error(`h2load failed:\n${output}`)
  return Number(rate)
}
