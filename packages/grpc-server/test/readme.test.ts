import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, credentials, type ChannelCredentials } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { defenceKinds, grpcServerDefaults, grpcServerErrorCodes, healthDefinition } from '../src/index.ts'
import { type ResolvedLimits, resolveOptions } from '../src/options.ts'
import { reflectionDefinition } from '../src/reflection/reflection-messages.ts'
import { Authority, type Identity } from './support/certificates.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

/** The rows of the tables, each as its cells. */
const rows = Array.from(readme.matchAll(/^\| (.+) \|$/gm), ([, cells = '']) =>
  cells.split(' | ').map((cell) => cell.trim()),
)

/** Names in the first column, without their quotes. */
const firsts = rows.flatMap(([first = '']) => /^`([^`]+)`$/.exec(first)?.[1] ?? [])

/** 4194304 as `4 194 304`. */
const grouped = (value: number | boolean): string => String(value).replace(/\B(?=(\d{3})+$)/g, ' ')

test('every limit is in the README, with its default', () => {
  for (const [name, value] of Object.entries(grpcServerDefaults)) {
    const row = rows.find(([first]) => first === `\`${name}\``)
    expect(row?.[2], name).toBe(grouped(value))
  }
})

test('every option of grpc-js in the README is understood, and called so here', () => {
  const named = rows.filter(([first]) => first?.startsWith('`grpc.') === true)
  expect(named).toHaveLength(8)
  for (const [theirs = '', ours = ''] of named) {
    const { limits } = resolveOptions({ [theirs.replaceAll('`', '')]: 12_345 })
    expect(limits[ours.replaceAll('`', '') as keyof ResolvedLimits], theirs).toBe(12_345)
  }
})

test('every error and every defence is in the README, and no other', () => {
  expect(firsts.filter((name) => name.startsWith('GRPC_SERVER_'))).toEqual([...grpcServerErrorCodes])
  const defences = readme.slice(readme.indexOf('## Defences'), readme.indexOf('## Differences'))
  const kinds = Array.from(defences.matchAll(/^\| `(\w+)`/gm), ([, kind]) => kind)
  expect(kinds).toEqual([...defenceKinds])
})

test('a difference from grpc-js that is added to the tests, or ends, is missed in the README', () => {
  const folder = new URL('equality/', import.meta.url)
  const sources = readdirSync(folder).filter((name) => name.endsWith('.test.ts'))
  const tested = sources.flatMap((name) => {
    const source = readFileSync(new URL(name, folder), 'utf8')
    return source.match(/^ *differsOnPurpose\(/gm) ?? []
  })
  const table = /\| what happens .*\n\| -.*\n(?<rows>(?:\|.*\n)+)/.exec(readme)?.groups?.['rows'] ?? ''
  // A unary handler that answers twice, and one that answers and fails, share a row.
  expect(table.trim().split('\n')).toHaveLength(tested.length - 1)
})

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-grpc-swap-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

/** A part of the example `grpc-swap`, as its reader runs it. */
class Example implements AsyncDisposable {
  readonly #process
  #printed = ''

  constructor(file: string) {
    const path = fileURLToPath(new URL(`../../../examples/grpc-swap/src/${file}`, import.meta.url))
    const tsx = import.meta.resolve('tsx')
    this.#process = spawn(process.execPath, ['--conditions=@orrery/source', '--import', tsx, path], {
      cwd: directory,
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => (this.#printed += text))
  }

  /** Waits until it has printed something, and gives all that it has. */
  async printed(what: RegExp): Promise<string> {
    while (!what.test(this.#printed)) await once(this.#process.stdout, 'data')
    return this.#printed
  }

  async port(): Promise<number> {
    return Number(/port (\d+)/.exec(await this.printed(/port \d+\n/))?.[1])
  }

  /** Sends a signal. */
  signal(name: 'SIGHUP' | 'SIGTERM'): void {
    this.#process.kill(name)
  }

  /** Waits for its end. */
  async exited(): Promise<number | null> {
    const { exitCode, signalCode } = this.#process
    if (exitCode === null && signalCode === null) await once(this.#process, 'exit')
    return this.#process.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.exited()
  }
}

/** `example.Hello`, written down by hand: field 1, a text. */
const hello = (text: string): Buffer => Buffer.from(`\n${String.fromCharCode(text.length)}${text}`)

/** Calls the greeter once. */
async function greet(port: number, channel: ChannelCredentials = credentials.createInsecure()) {
  const client = new Client(`127.0.0.1:${port}`, channel, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.ssl_target_name_override': 'localhost',
  })
  try {
    return await new Promise((resolve, reject) => {
      const pass = (bytes: Buffer): Buffer => bytes
      client.makeUnaryRequest('/example.Greeter/SayHello', pass, pass, hello('world'), (error, answer) => {
        if (error === null) resolve(answer)
        else reject(error)
      })
    })
  } finally {
    client.close()
  }
}

describe('of the README', () => {
  test('the swapped server answers a client of grpc-js, and ends when it is told to', async () => {
    await using example = new Example('main.ts')
    expect(await greet(await example.port())).toEqual(hello('hello world'))
    example.signal('SIGTERM')
    expect(await example.exited()).toBe(0)
  })

  test('the server with TLS takes new certificates without a restart', async () => {
    const [old, renewed] = [new Authority('old'), new Authority('renewed')]
    const put = ({ cert, key }: Identity): void => {
      writeFileSync(join(directory, 'server.pem'), cert)
      writeFileSync(join(directory, 'server-key.pem'), key)
    }
    put(old.issue('server'))
    await using example = new Example('tls.ts')
    const port = await example.port()
    expect(await greet(port, credentials.createSsl(old.ca))).toEqual(hello('hello world'))
    put(renewed.issue('server'))
    example.signal('SIGHUP')
    await example.printed(/new certificate/)
    expect(await greet(port, credentials.createSsl(renewed.ca))).toEqual(hello('hello world'))
    await expect(greet(port, credentials.createSsl(old.ca))).rejects.toMatchObject({ code: 14 })
  })

  test('the server on one port speaks both protocols', async () => {
    await using example = new Example('one-port.ts')
    const port = await example.port()
    expect(await greet(port)).toEqual(hello('hello world'))
    const response = await fetch(`http://127.0.0.1:${port}/`)
    expect(await response.text()).toBe('hello over HTTP/1.1\n')
  })

  test('the server with health and reflection tells of both, and ends while somebody watches', async () => {
    await using example = new Example('health-and-reflection.ts')
    const client = new Client(`127.0.0.1:${await example.port()}`, credentials.createInsecure())
    const { ServerReflectionInfo: info } = reflectionDefinition('grpc.reflection.v1')
    const asking = client.makeBidiStreamRequest(info.path, info.requestSerialize, info.responseDeserialize)
    asking.end({ host: '', query: { type: 'listServices', content: '*' } })
    const [listed] = (await once(asking, 'data')) as [unknown]
    expect(listed).toMatchObject({ answer: { names: ['example.Greeter', 'grpc.health.v1.Health'] } })

    const { Watch } = healthDefinition
    const service = { service: 'example.Greeter' }
    const watch = client.makeServerStreamRequest(
      Watch.path,
      Watch.requestSerialize,
      Watch.responseDeserialize,
      service,
    )
    watch.on('error', () => {
      // It is cancelled in the end.
    })
    expect(await once(watch, 'data')).toEqual([{ status: 1 }])
    example.signal('SIGTERM')
    expect(await once(watch, 'data')).toEqual([{ status: 2 }])
    watch.cancel()
    client.close()
    expect(await example.exited()).toBe(0)
  })
})
