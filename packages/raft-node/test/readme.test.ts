import { readFileSync } from 'node:fs'
import { createRandom, silentLogger } from '@orrery/environment'
import { createManualClock } from '@orrery/environment/testing'
import { expect, test } from 'vitest'
import {
  createMemoryNetwork,
  nodeDefaults,
  nodeErrorCodes,
  type NodeHost,
  type NodeProposal,
  proposalHeadroomBytes,
  type RaftNode,
  transportErrorCodes,
} from '../src/index.ts'
import { nothing } from './solo-node.ts'
import { createMember } from './readme-example.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const firstCells = [...readme.matchAll(/^\| `(\w+)`/gm)].map(([, cell]) => cell)

test('the README lists every error code and no other', () => {
  const codes = firstCells.filter((cell) => /^(?:NODE|TRANSPORT)_/.test(cell ?? ''))
  expect(codes.sort()).toEqual([...nodeErrorCodes, ...transportErrorCodes].sort())
})

test('the README lists every option with its default', () => {
  for (const [name, value] of Object.entries(nodeDefaults)) {
    const row = new RegExp(`^\\| \`${name}\` .*\\|$`, 'm').exec(readme)?.[0].replaceAll(' ', '')
    expect(row, name).toBeDefined()
    if (typeof value !== 'object') expect(row, name).toContain(`|${String(value)}|`)
  }
})

test('the README shows the example that is compiled', () => {
  const source = readFileSync(new URL('readme-example.ts', import.meta.url), 'utf8')
  const region = /\/\/ #region readme\n(?<code>.*)\n\/\/ #endregion readme/s.exec(source)?.groups?.['code']
  expect(region).toBeDefined()
  expect(readme).toContain(`\`\`\`ts\n${region ?? ''}\n\`\`\``)
})

test('the example starts members that agree', async () => {
  const clock = createManualClock()
  const network = createMemoryNetwork({ clock })
  const texts = new Map<string, string[]>()
  const nodes: RaftNode<NodeProposal>[] = []
  for (const [n, name] of (['a', 'b', 'c'] as const).entries()) {
    const heard: string[] = []
    texts.set(name, heard)
    const host: NodeHost = {
      onCommitted: () => {
        const node = nodes[n]
        for (let next = node?.take(); next !== undefined; next = node?.take()) {
          if (next.type === 'command') heard.push(Buffer.from(next.content).toString())
          node?.applied(next.index)
        }
      },
      onLeadership: () => {},
      readState: () => ({ index: 0, content: nothing() }),
      receiveState: () => Promise.reject(new Error('not here')),
      installState: () => Promise.reject(new Error('not here')),
      discardState: () => {},
      onRequest: () => Promise.reject(new Error('not here')),
      onRemoved: () => {},
      onFailure: (error) => expect.unreachable(error.message),
    }
    const environment = { clock, random: createRandom(n + 1), logger: silentLogger }
    const node = createMember(name, { environment, transport: network.transport(name), host })
    nodes.push(node)
    await node.start()
  }
  const payload = Buffer.concat([Buffer.alloc(proposalHeadroomBytes), Buffer.from('hello')])
  nodes[1]?.propose({ payload, reject: (error) => expect.unreachable(error.message) })
  for (let ms = 0; ms < 20_000 && [...texts.values()].some(({ length }) => length === 0); ms += 10) {
    clock.advance(10)
    for (let turn = 0; turn < 4; turn++) {
      await new Promise(setImmediate)
      clock.runDeferred()
    }
  }
  expect([...texts.values()]).toEqual([['hello'], ['hello'], ['hello']])
  for (const node of nodes) await node.close()
  await network.close()
})
