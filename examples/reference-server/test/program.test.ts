import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

/** Ports that no other test has. */
const etcdOnly = ['--listen-client=127.0.0.1:0', '--listen-eureka=off', '--listen-http=off'] as const

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** The program as a process of its own, as `npm start` runs it. */
class Program {
  readonly process: ChildProcess
  output = ''
  errors = ''
  readonly #exit: Promise<unknown[]>

  constructor(argv: readonly string[]) {
    const node = ['--conditions=@orrery/source', '--import', import.meta.resolve('tsx'), main]
    this.process = spawn(process.execPath, [...node, ...argv], { cwd: directory, stdio: 'pipe' })
    this.#exit = once(this.process, 'close')
    this.process.stdout?.on('data', (text) => (this.output += String(text)))
    this.process.stderr?.on('data', (text) => (this.errors += String(text)))
  }

  async ready(): Promise<string> {
    await expect.poll(() => this.output + this.errors, { timeout: 30_000 }).toMatch(/^(ready|orrery:) .*\n/m)
    return /http:\S+/.exec(this.output)?.[0] ?? this.errors
  }

  /** Exit code, or the signal that ended it. */
  async exit(): Promise<unknown> {
    const [code, signal] = await this.#exit
    return code ?? signal
  }
}

let directory: string
const programs: Program[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-program-'))
})
afterEach(() => {
  for (const program of programs.splice(0)) program.process.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

function run(...argv: readonly string[]): Program {
  const program = new Program(argv)
  programs.push(program)
  return program
}

describe('the program', () => {
  test('says what listens where, serves, drains on SIGTERM and exits with 0', async () => {
    const program = run('--memory', ...etcdOnly)
    const endpoint = await program.ready()
    expect(program.output.split('\n').filter((line) => line.startsWith('ready'))).toHaveLength(1)
    expect(program.output).toContain(`etcdctl --endpoints=${new URL(endpoint).host} put hello world\n`)
    const response = await fetch(`${endpoint}/health`)
    expect(await response.json()).toEqual({ health: 'true', reason: '' })
    program.process.kill('SIGTERM')
    expect(await program.exit()).toBe(0)
    const lines = program.errors.trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { readonly msg: string }).msg)).toContain('stopping')
  })

  test('serves Eureka and HTTP clients, says how to try it, and takes its own listeners away', async () => {
    const listen = ['--listen-client=127.0.0.1:0', '--listen-eureka=127.0.0.1:0', '--listen-http=127.0.0.1:0']
    const program = run(...listen, '--listen-peer=127.0.0.1:0', '--log-level=warn')
    await program.ready()
    const commands = Array.from(
      program.output.matchAll(/^ {2}curl .*?(http:[^'\s]+)/gm),
      ([, url = '']) => url,
    )
    expect(commands).toHaveLength(3)
    for (const url of commands) {
      const answer = await fetch(url, { headers: { accept: 'application/json' } })
      expect(answer.status).toBe(200)
      await answer.json()
    }
    program.process.kill('SIGTERM')
    expect(await program.exit()).toBe(0)
    expect(program.errors).toBe('')
  })

  test('reads its file, keeps its data in the directory named after the member, and stops on SIGINT', async () => {
    writeFileSync(
      join(directory, 'a.yaml'),
      [
        ...['name: a1', 'listen-client: 127.0.0.1:0', 'listen-peer: 127.0.0.1:0', 'log-level: error'],
        ...['listen-eureka: off', 'listen-http: off', ''],
      ].join('\n'),
    )
    const program = run('--config', 'a.yaml')
    await program.ready()
    expect(program.output).toContain('member a1')
    expect(program.output).toContain('a1.orrery')
    const second = run('--config', 'a.yaml')
    expect(await second.exit()).toBe(1)
    expect(second.errors).toBe('orrery: --data-dir: a1.orrery is in use by another process\n')
    expect(second.output).toBe('')
    program.process.kill('SIGINT')
    expect(await program.exit()).toBe(0)
    expect(program.errors).toBe('')
  })

  test('serves a member that lives in a thread of its own, and ends with it', async () => {
    const options = ['--member-thread', ...etcdOnly, '--listen-peer=127.0.0.1:0']
    const first = run(...options)
    const key = Buffer.from('k').toString('base64')
    const put = `${await first.ready()}/v3/kv/put`
    expect((await fetch(put, { method: 'POST', body: JSON.stringify({ key, value: key }) })).status).toBe(200)
    const rival = run(...options)
    expect(await rival.exit()).toBe(1)
    expect(rival.errors).toBe('orrery: --data-dir: default.orrery is in use by another process\n')
    first.process.kill('SIGTERM')
    expect(await first.exit()).toBe(0)
    const again = run(...options)
    const range = `${await again.ready()}/v3/kv/range`
    const found = await fetch(range, { method: 'POST', body: JSON.stringify({ key }) })
    expect(await found.json()).toMatchObject({ kvs: [{ key, value: key }] })
  })

  test('waits for the members it begins with, and exits with 0 when it is told to end meanwhile', async () => {
    const options = [...etcdOnly, '--listen-peer=127.0.0.1:0']
    const program = run('--name=a', '--initial-cluster=a=127.0.0.1:1,b=127.0.0.1:2', ...options)
    await expect.poll(() => program.errors, { timeout: 30_000 }).toContain('other members are welcome')
    program.process.kill('SIGTERM')
    expect(await program.exit()).toBe(0)
    expect(program.output).toBe('')
  })

  test('exits with 1 on a second signal, without waiting for calls', async () => {
    const program = run('--memory', ...etcdOnly)
    const endpoint = await program.ready()
    const upload = request(`${endpoint}/v3/kv/put`, { method: 'POST' }).on('error', () => undefined)
    upload.write('{')
    await expect.poll(async () => (await fetch(`${endpoint}/metrics`)).ok).toBe(true)
    program.process.kill('SIGTERM')
    await expect.poll(() => program.errors, { timeout: 10_000 }).toContain('stopping')
    program.process.kill('SIGTERM')
    expect(await program.exit()).toBe(1)
  })

  test('exits with 2 and one line when an option is wrong', async () => {
    writeFileSync(join(directory, 'a.yaml'), 'name: a1\nlisten-grpc: 127.0.0.1:8091\n')
    const [flag, file] = [run('--log-level', 'loud'), run('--config', 'a.yaml')]
    expect(await Promise.all([flag.exit(), file.exit()])).toEqual([2, 2])
    expect(flag.errors).toBe('orrery: --log-level: expected one of debug, info, warn, error, silent\n')
    expect(file.errors).toBe(
      'orrery: a.yaml:2:14: listen-grpc: this protocol does not exist yet; only off is possible\n',
    )
  })

  test('prints its version and help', async () => {
    const [version, help] = [run('--version'), run('--help')]
    expect(await Promise.all([version.exit(), help.exit()])).toEqual([0, 0])
    expect(version.output).toMatch(/^orrery reference server \d+\.\d+\.\d+\n$/)
    expect(help.output).toContain('Usage:')
  })
})
