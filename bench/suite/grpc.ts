import { type ChildProcess, spawn } from 'node:child_process'
import { kvDefinition } from '@orrery/adapter-etcd'
import { startEtcd } from './etcd-peer.ts'
import { h2load } from './h2load.ts'
import { alternate, count, type Row, type Scenario } from './report.ts'
import { withDirectory } from './temporary.ts'

const load = { connections: 4, streams: 25 }
const value = new Uint8Array(256).fill(7)
const key = Buffer.from('key0000000000001')

/** The etcd API over grpc-js, beside a grpc-js server whose handler does nothing, and beside etcd. */
export const etcdOverGrpc: Scenario = {
  name: 'grpc',
  run: () =>
    withDirectory(async (directory) => {
      const server = await startServer([
        'examples/reference-server/src/main.ts',
        ...['--data-dir', directory, '--listen-client', '127.0.0.1:0', '--listen-peer', 'off'],
        ...['--log-level', 'error'],
      ])
      const empty = await startServer(['bench/suite/empty-server.ts'])
      const etcd = await startEtcd()
      const put = {
        method: 'etcdserverpb.KV/Put',
        message: kvDefinition.Put.requestSerialize({ key, value }),
      }
      const range = {
        method: 'etcdserverpb.KV/Range',
        message: kvDefinition.Range.requestSerialize({ key }),
      }
      const run = (endpoint: string, request: typeof put) => (): Promise<number> =>
        h2load({ ...load, ...request, endpoint, requests: 30_000 })
      const rows: Row[] = []
      for (const [name, request] of Object.entries({ put, 'linearizable range': range })) {
        await run(server.endpoint, request)()
        await run(empty.endpoint, request)()
        const { a, b, ratio } = await alternate(
          5,
          run(server.endpoint, request),
          run(empty.endpoint, request),
        )
        rows.push({
          what: `${name} over gRPC, 4 connections x 25 streams, beside an empty grpc-js handler`,
          ours: `${count(a)}/s, ${ratio.toFixed(2)} x`,
          goal: '>= 0.8 x',
          peer: `${count(b)}/s`,
          reached: ratio >= 0.8,
        })
        if (etcd === undefined) continue
        await run(etcd.endpoint, request)()
        const beside = await alternate(5, run(server.endpoint, request), run(etcd.endpoint, request))
        rows.push({
          what: `the same beside etcd 3.4.23`,
          ours: `${count(beside.a)}/s, ${beside.ratio.toFixed(2)} x`,
          peer: `${count(beside.b)}/s`,
        })
      }
      server.child.kill('SIGTERM')
      empty.child.kill('SIGTERM')
      etcd?.stop()
      return rows
    }),
}

/** Starts a server of ours in a process of its own, and waits for the line that says where it listens. */
async function startServer(args: readonly string[]): Promise<{ child: ChildProcess; endpoint: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  for await (const data of child.stdout) {
    output += String(data)
    if (/^ready/m.test(output)) break
  }
  const endpoint = /(?:^|http:\/\/)(127\.0\.0\.1:\d+)/m.exec(output)?.[1]
  if (endpoint === undefined) throw new Error(`no server:\n${output}`)
  child.stdout.resume()
  return { child, endpoint }
}
