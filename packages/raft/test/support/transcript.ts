import { invariant } from '@orrery/environment'
import type { MembershipChange, MembershipStep, Message } from '@orrery/raft'
import { encodeMembershipChange, membersOf } from '@orrery/raft'
import type { MessageFilter } from './cluster.ts'
import { Cluster } from './cluster.ts'
import { command } from './member.ts'
import { printEntries, printMembership, printMessage, printReady } from './print.ts'

/**
 * Runs a transcript and returns it with what happens now. A transcript is a sequence of blocks, separated by
 * empty lines: comments and commands, a line `----`, and the record of what they did.
 */
export function replay(source: string): string {
  const player = new Player()
  const blocks = source.trimEnd().split(/\n\n+/)
  return `${blocks.map((block) => replayBlock(player, block)).join('\n\n')}\n`
}

function replayBlock(player: Player, block: string): string {
  const lines = block.split('\n')
  const end = lines.indexOf('----')
  const head = end < 0 ? lines : lines.slice(0, end)
  const commands = head.filter((line) => !line.startsWith('#'))
  if (commands.length === 0) return head.join('\n')
  const record = commands.flatMap((line) => player.run(line))
  return [...head, '----', ...(record.length === 0 ? ['ok'] : record)].join('\n')
}

class Player {
  #cluster = new Cluster({ voters: [] })
  #record: string[] = []
  /** Role, term and leader of each member, and its membership, as they were last recorded. */
  readonly #stands = new Map<bigint, string>()
  readonly #memberships = new Map<bigint, string>()
  readonly #cut = new Set<number>()

  run(line: string): string[] {
    this.#record = []
    const [name = '', ...words] = line.split(' ')
    const action = this.#actions[name]
    invariant(action !== undefined, `a transcript has no command ${name}`)
    action(words)
    this.#notice()
    return this.#record
  }

  readonly #actions: Readonly<Record<string, (words: string[]) => void>> = {
    cluster: (words) => this.#create(words),
    join: ([id]) => this.#cluster.join(Number(id)),
    tick: ([id, ticks = '1']) => this.#cluster.tick(Number(id), Number(ticks)),
    campaign: ([id]) => this.#raft(id).campaign(),
    propose: ([id, ...texts]) => this.#refusal(this.#raft(id).propose(texts.map(command))),
    change: ([id, ...words]) => this.#change(id, words),
    read: ([id, context]) => this.#refusal(this.#raft(id).readIndex(Number(context))),
    transfer: ([id, , target]) => this.#raft(id).transferLeadership(BigInt(target ?? 0)),
    forget: ([id]) => this.#raft(id).forgetLeader(),
    unreachable: ([id, target]) => this.#raft(id).reportUnreachable(BigInt(target ?? 0)),
    failed: ([id, target]) => this.#raft(id).reportSnapshot(BigInt(target ?? 0), 'failed'),
    ready: ([id]) => this.#ready(Number(id)),
    persist: ([id, count]) =>
      this.#cluster.persist(Number(id), count === undefined ? undefined : Number(count)),
    apply: ([id]) => this.#cluster.apply(Number(id)),
    deliver: (words) => this.#deliver(words),
    drop: (words) => this.#say(this.#cluster.drop(route(words)).map((one) => `lost ${printMessage(one)}`)),
    duplicate: (words) => this.#duplicate(route(words)),
    cut: (ids) => ids.forEach((id) => this.#cut.add(Number(id))),
    heal: () => this.#cut.clear(),
    settle: () => this.#cluster.settle((message) => this.#isCut(message)),
    stabilize: () => this.#stabilize(),
    restart: ([id, ...words]) => this.#restart(Number(id), words),
    checkpoint: ([id, index]) => this.#cluster.member(Number(id)).checkpoint(Number(index)),
    status: (ids) => ids.forEach((id) => this.#status(Number(id))),
    progress: ([id]) => this.#progress(id),
    log: ([id]) => this.#log(Number(id)),
  }

  #raft(id: string | undefined): ReturnType<Cluster['member']>['raft'] {
    return this.#cluster.member(Number(id)).raft
  }

  #say(lines: readonly string[]): void {
    this.#record.push(...lines)
  }

  #create(words: string[]): void {
    const lists: Record<string, number[]> = {}
    const raft: Record<string, unknown> = {}
    let list: number[] = []
    for (const word of words) {
      const [key = '', value] = word.split('=')
      if (value !== undefined) raft[key] = JSON.parse(value)
      else if (/^\d+$/.test(word)) list.push(Number(word))
      else list = lists[word] = []
    }
    const { voters = [], learners = [], compacted: [compacted = 0] = [] } = lists
    this.#cluster = new Cluster({ voters, learners, raft: raft, compacted })
    this.#notice()
    this.#record = []
  }

  #refusal(result: { readonly ok: boolean; readonly reason?: string }): void {
    if (!result.ok) this.#say([`refused: ${result.reason ?? 'no leader'}`])
  }

  #change(id: string | undefined, words: string[]): void {
    const transitions: readonly string[] = [
      'joint',
      'jointUntilLeft',
    ] satisfies MembershipChange['transition'][]
    const steps: MembershipStep[] = []
    let transition = 'auto'
    for (let at = 0; at < words.length; at++) {
      const word = words[at] ?? ''
      if (transitions.includes(word)) transition = word
      else if (word !== 'leave')
        steps.push({ type: word as MembershipStep['type'], member: BigInt(words[++at] ?? 0) })
    }
    const change = {
      steps,
      transition: transition as MembershipChange['transition'],
      context: new Uint8Array(),
    }
    const payload = encodeMembershipChange(change)
    this.#refusal(this.#raft(id).propose([{ type: 'membership', payload }]))
  }

  #ready(id: number): void {
    const ready = this.#cluster.handOut(id)
    this.#say(ready === undefined ? ['nothing'] : printReady(ready))
  }

  /** `deliver first 1 2`: one message only. */
  #deliver(words: string[]): void {
    let left = words[0] === 'first' ? 1 : Infinity
    const filter = route(words.filter((word) => word !== 'first'))
    const arrived = this.#cluster.deliver((one) => filter(one) && !this.#isCut(one) && left-- > 0)
    this.#say(arrived.map(printMessage))
  }

  #duplicate(filter: MessageFilter): void {
    this.#cluster.network.push(...this.#cluster.network.filter(({ message }) => filter(message)))
  }

  #isCut({ from, to }: Message): boolean {
    return this.#cut.has(Number(from)) || this.#cut.has(Number(to))
  }

  /** As `settle`, with a record of everything. */
  #stabilize(): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false
      for (const { id, writes, toApply } of this.#cluster.members.values()) {
        for (let ready = this.#cluster.handOut(id); ready !== undefined; ready = this.#cluster.handOut(id)) {
          isBusy = true
          this.#say(printReady(ready).map((duty) => `${String(id)}: ${duty}`))
          if (writes.length > 0) this.#cluster.persist(id)
          if (toApply.length > 0) this.#cluster.apply(id)
          this.#notice()
        }
      }
      this.#cluster.drop((message) => this.#isCut(message))
      if (this.#cluster.deliver().length > 0) isBusy = true
      this.#notice()
    }
  }

  #restart(id: number, words: string[]): void {
    const lost = words.includes('lose') ? Number(words[words.indexOf('lose') + 1]) : 0
    this.#cluster.restart(id, (disk) => {
      disk.entries.length -= lost
      if (words.includes('probation')) disk.hardState = { ...disk.hardState, isOnProbation: true }
    })
    this.#cluster.drop(({ to }) => to === BigInt(id))
  }

  #status(id: number): void {
    const { role, term, commitIndex, appliedIndex, durableIndex, lastIndex, membership } = this.#cluster
      .member(id)
      .raft.status()
    const indexes = `applied ${String(appliedIndex)}, durable ${String(durableIndex)}, committed ${String(commitIndex)}, last ${String(lastIndex)}`
    this.#say([`${String(id)}: ${role}, term ${String(term)}, ${indexes}, ${printMembership(membership)}`])
  }

  #progress(id: string | undefined): void {
    for (const row of this.#raft(id).progress()) {
      const marks = [row.isLearner ? 'learner' : '', row.isActive ? '' : 'inactive'].filter(Boolean)
      const place = `match ${String(row.matchIndex)}, next ${String(row.nextIndex)}`
      this.#say([[`${String(row.id)}: ${row.state}`, place, ...marks].join(', ')])
    }
  }

  #log(id: number): void {
    const { disk, raft } = this.#cluster.member(id)
    const durable = printEntries(disk.entries)
    this.#say([
      `${String(id)} on disk: ${durable === '' ? 'nothing' : durable}; in memory to ${String(raft.lastIndex)}`,
    ])
  }

  /** Records who has changed. */
  #notice(): void {
    for (const { id, raft } of this.#cluster.members.values()) {
      const { role, term, leaderId, isOnProbation, membership } = raft.status()
      const of = leaderId === 0n || role === 'leader' ? '' : ` of ${String(leaderId)}`
      const stand = `${role}${of}, term ${String(term)}${isOnProbation ? ', on probation' : ''}`
      if (stand !== this.#stands.get(id)) this.#say([`${String(id)} is ${stand}`])
      this.#stands.set(id, stand)
      const members = membersOf(membership).length === 0 ? 'nobody' : printMembership(membership)
      if (members !== this.#memberships.get(id)) this.#say([`${String(id)} knows ${members}`])
      this.#memberships.set(id, members)
    }
  }
}

/** `1 2`: from 1 to 2; `1`: from 1; `to 2`; `only vote`; nothing: all. */
function route(words: readonly string[]): MessageFilter {
  const type = words.includes('only') ? words[words.indexOf('only') + 1] : undefined
  const to = words.includes('to')
    ? words[words.indexOf('to') + 1]
    : words.find((word, at) => at === 1 && /^\d+$/.test(word))
  const from = words.find((word, at) => at === 0 && /^\d+$/.test(word))
  return (message) =>
    (from === undefined || message.from === BigInt(from)) &&
    (to === undefined || message.to === BigInt(to)) &&
    (type === undefined || message.type === type)
}
