import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { builtProgram } from './built-program.ts'
import { compare, comparisonRow } from './comparison.ts'
import { heartbeatScript, registerInstances } from './eureka-clients.ts'
import type { Row, Scenario } from './report.ts'
import { type ServerProcess, startServer } from './servers.ts'

const instances = 10_000
const connections = 64
const seconds = 4

/** The Eureka adapter over HTTP, beside Fastify with handlers that do nothing. */
export const eurekaOverHttp: Scenario = {
  name: 'eureka',
  needs: ['wrk'],
  run: async () => [await heartbeats(), await allApps()],
}

async function heartbeats(): Promise<Row> {
  const [ours, peer] = [await startOurs(), await start('empty')]
  const script = heartbeatScript(instances)
  const comparison = await compare({ ours, peer }, (server) => wrk(server, { script }))
  ours.stop()
  peer.stop()
  return comparisonRow(
    'Eureka heartbeats over HTTP, 10,000 instances, `wrk` with 64 connections, beside an empty Fastify handler',
    comparison,
    { goal: { atLeast: 0.8 }, peerName: 'wrk' },
  )
}

async function allApps(): Promise<Row> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'))
  const ours = await startOurs()
  const answer = await fetchGzip(`http://${ours.endpoint}/eureka/apps`)
  const file = join(directory, 'apps.json.gz')
  writeFileSync(file, answer)
  const peer = await start('bytes', file)
  const comparison = await compare({ ours, peer }, (server) =>
    wrk(server, { path: '/eureka/apps', headers: ['Accept: application/json', 'Accept-Encoding: gzip'] }),
  )
  ours.stop()
  peer.stop()
  rmSync(directory, { recursive: true })
  return comparisonRow(
    `\`GET /eureka/apps\` with 10,000 instances as gzip, ${(answer.length / 1_024).toFixed(0)} KiB, beside Fastify with the same bytes in memory`,
    comparison,
    { goal: { atLeast: 0.5 }, peerName: 'wrk' },
  )
}

async function startOurs(): Promise<ServerProcess> {
  const server = await start('eureka')
  await registerInstances(server.endpoint, instances)
  return server
}

async function start(...args: readonly string[]): Promise<ServerProcess> {
  return await startServer(await builtProgram('bench/suite/eureka-server.ts'), args)
}

interface Requests {
  /** Lua that makes the requests. */
  readonly script?: string
  readonly path?: string
  readonly headers?: readonly string[]
}

/** @throws Error when an answer was none of 2xx */
async function wrk(
  { endpoint }: ServerProcess,
  { script, path = '/', headers = [] }: Requests,
): Promise<{ readonly calls: number; readonly value: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-wrk-'))
  const file = join(directory, 'requests.lua')
  if (script !== undefined) writeFileSync(file, script)
  const child = spawn('wrk', [
    ...['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '20s'],
    ...(script === undefined ? [] : ['-s', file]),
    ...headers.flatMap((header) => ['-H', header]),
    `http://${endpoint}${path}`,
  ])
  let output = ''
  child.stdout.on('data', (data: Buffer) => (output += data.toString()))
  await new Promise((resolve) => child.once('close', resolve))
  rmSync(directory, { recursive: true })
  const calls = Number(/(\d+) requests in/.exec(output)?.[1])
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1])
  if (!(calls > 0) || /Non-2xx|Socket errors/.test(output)) throw new Error(`wrk:\n${output}`)
  return { calls, value: rate }
}

/** The body as it comes, not decompressed. */
async function fetchGzip(url: string): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    get(url, { headers: { accept: 'application/json', 'accept-encoding': 'gzip' } }, (response) => {
      if (response.headers['content-encoding'] !== 'gzip') reject(new Error('not compressed'))
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(Buffer.concat(chunks)))
    }).once('error', reject)
  })
}
