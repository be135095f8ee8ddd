import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What one run of the load generator sends. */
export interface Load {
  /** host:port */
  readonly endpoint: string
  /** `package.Service/Method` */
  readonly method: string
  /** The encoded request message. */
  readonly message: Uint8Array
  readonly requests: number
  readonly connections: number
  readonly streams: number
}

/**
 * Sends one unary gRPC request over and over by nghttp2's `h2load`.
 *
 * @returns requests per second
 * @throws Error when a request failed
 */
export async function h2load(load: Load): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-h2load-'))
  const body = join(directory, 'body')
  const frame = Buffer.alloc(5 + load.message.length)
  frame.writeUInt32BE(load.message.length, 1)
  frame.set(load.message, 5)
  writeFileSync(body, frame)
  const child = spawn('h2load', [
    ...['-n', String(load.requests), '-c', String(load.connections), '-m', String(load.streams), '-t', '1'],
    ...['-H', 'content-type: application/grpc', '-H', 'te: trailers', '-d', body],
    `http://${load.endpoint}/${load.method}`,
  ])
  let output = ''
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString()
  })
  await new Promise((resolve) => child.on('close', resolve))
  rmSync(directory, { recursive: true })
  const rate = /finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1]
  const succeeded = / (\d+) succeeded/.exec(output)?.[1]
  if (rate === undefined || Number(succeeded) !== load.requests) throw new Error(`h2load failed:\n${output}`)
  return Number(rate)
}
