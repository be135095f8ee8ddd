import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { freePorts } from '../../free-ports.ts'
import { type ServerProcess } from '../servers/child.ts'
import { memoryDirectory } from '../servers/etcd.ts'
import { etcdctl } from '../servers/etcdctl.ts'
import { startProgram } from '../servers/orrery.ts'

const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
const marked = /<!-- commands: test\/interop\/cluster\/readme\.test\.ts -->\s*```sh\n(?<commands>.*?)```/s

const servers: ServerProcess[] = []
let directory = ''

afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop('SIGKILL')))
  await rm(directory, { recursive: true, force: true })
})

/** The commands, with ports that are free on this machine. */
async function commandsOf(text: string): Promise<readonly string[]> {
  const named = [...new Set(Array.from(text.matchAll(/127\.0\.0\.1:(\d+)/g), ([, port]) => port))]
  const free = await freePorts(named.length)
  const elsewhere = text.replaceAll(/127\.0\.0\.1:(\d+)/g, (_, port: string) => {
    return `127.0.0.1:${String(free[named.indexOf(port)])}`
  })
  return elsewhere.split('\n').filter((line) => line !== '')
}

/** How long an addition may be refused because the members have only just met. Unit: ms. */
const patienceMs = 30_000

async function untilAccepted(args: readonly string[]): Promise<string> {
  const [option = '', ...rest] = args
  const endpoint = option.replace('--endpoints=', '')
  const deadline = AbortSignal.timeout(patienceMs)
  for (;;) {
    const { exitCode, stdout, errors } = await etcdctl({ endpoint }, rest)
    if (exitCode === 0) return stdout
    expect(errors.join('\n')).toContain('unhealthy cluster')
    if (deadline.aborted) throw new Error(`etcdctl ${args.join(' ')} goes on to fail`)
  }
}

test('the commands of the README make three members of one', async () => {
  directory = await memoryDirectory('readme')
  let printed = ''
  for (const command of await commandsOf(marked.exec(readme)?.groups?.['commands'] ?? '')) {
    const [program, ...args] = command.split(' ')
    if (program === 'etcdctl') {
      printed = await untilAccepted(args)
      continue
    }
    const options = args.slice(args.indexOf('--') + 1)
    const name = options[options.indexOf('--name') + 1] ?? ''
    const server = await startProgram([...options, '--data-dir', join(directory, name)])
    servers.push(server)
    await server.line('ready')
  }
  const members = printed.trim().split('\n')
  expect(members).toHaveLength(3)
  expect(members.filter((line) => line.split(', ')[4] === 'true')).toHaveLength(1)
})
