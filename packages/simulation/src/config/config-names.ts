import type {
  ConfigClient,
  FileKey,
  GrayRule,
  GroupKey,
  LabelMatcher,
  Metadata,
  WatchTarget,
} from '@orrery/config-hub'
import type { Random } from '@orrery/environment'
import { chance, pick } from '../time/draw.ts'

/** Groups that come and go. Some names have to be escaped. */
export const configGroups: readonly GroupKey[] = [
  { namespace: 'default', group: 'shop' },
  { namespace: 'default', group: 'shop/eu' },
  { namespace: 'prod/eu:1', group: 'shop' },
]

const names = ['app.properties', 'db/pool.json', 'db/read:me', 'web'] as const

/** Files that come and go: few, so that many write the same. */
export const configFiles: readonly FileKey[] = configGroups.flatMap((group, nth) =>
  names.slice(0, names.length - nth).map((file) => ({ ...group, file })),
)

/** A client, with some of the labels that rules ask for. */
export function drawClient(random: Random): ConfigClient {
  const labels: Metadata = {
    ...(chance(random, 0.7) ? { env: draw(random, ['prod', 'test']) } : {}),
    ...(chance(random, 0.7) ? { zone: draw(random, ['eu-1', 'eu-2', 'us-1']) } : {}),
    ...(chance(random, 0.5) ? { build: String(random.below(20)) } : {}),
  }
  return {
    labels,
    ...(chance(random, 0.7) ? { id: `client ${random.below(1_000)}` } : {}),
    ...(chance(random, 0.7) ? { address: `10.0.${random.below(2)}.${random.below(256)}` } : {}),
  }
}

/** What somebody watches. */
export function drawTargets(random: Random): readonly WatchTarget[] {
  const file = (): WatchTarget => draw(random, configFiles)
  const group = (): WatchTarget => draw(random, configGroups)
  const prefix = (): WatchTarget => ({ ...group(), prefix: draw(random, ['db/', 'a', 'db/r']) })
  const kinds: readonly (() => readonly WatchTarget[])[] = [
    () => [file()],
    () => [file(), file(), file()],
    () => [group()],
    () => [prefix()],
    () => [group(), group(), file()],
    () => [prefix(), prefix(), file(), file()],
  ]
  return draw(random, kinds)()
}

/** Who sees a gray release. */
export function drawRule(random: Random): GrayRule {
  const kinds: readonly (() => GrayRule)[] = [
    () => ({ labels: [drawMatcher(random)] }),
    () => ({ labels: [drawMatcher(random), drawMatcher(random)] }),
    () => ({ addresses: drawAddresses(random) }),
    () => ({ percent: random.below(10_001) / 100 }),
    () => ({ labels: [drawMatcher(random)], percent: 50 }),
    () => ({ addresses: drawAddresses(random), percent: 75 }),
  ]
  return draw(random, kinds)()
}

/** A content that is of the format that the file's name says. There are few, so that the same comes again. */
export function drawContent(random: Random, { file }: FileKey): string {
  const n = random.below(5)
  return file.endsWith('.json') ? `{"n":${n}}` : `n=${n}`
}

/** Tags that make a difference to who watches. */
export function drawTags(random: Random): Metadata {
  return { team: draw(random, ['red', 'blue']) }
}

function drawMatcher(random: Random): LabelMatcher {
  const kinds: readonly LabelMatcher[] = [
    { label: 'env', type: 'exact', value: 'prod' },
    { label: 'env', type: 'notEquals', value: 'test' },
    { label: 'zone', type: 'in', values: ['eu-1', 'us-1'] },
    { label: 'zone', type: 'notIn', values: ['eu-1'] },
    { label: 'zone', type: 'regex', value: 'eu-[0-9]+' },
    { label: 'build', type: 'range', from: 5, to: 15 },
  ]
  return draw(random, kinds)
}

function drawAddresses(random: Random): readonly string[] {
  return draw(random, [['10.0.0.0/24'], ['10.0.0.0/25', '10.0.1.128/25'], ['10.0.0.7', '10.0.0.0/17']])
}

function draw<T>(random: Random, items: readonly T[]): T {
  const item = pick(random, items)
  if (item === undefined) throw new Error('there is nothing to draw')
  return item
}
