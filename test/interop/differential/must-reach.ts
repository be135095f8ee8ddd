const compacted = '11 etcdserver: mvcc: required revision has been compacted'
const future = '11 etcdserver: mvcc: required revision is a future revision'
const duplicate = '3 etcdserver: duplicate key given in txn request'
const missingKey = '3 etcdserver: key not found'

const shapes = ['single', 'prefix', 'from-key', 'everything', 'interval', 'inverted', 'empty', 'successor']
const revisions = ['now', 'past', 'at-compaction', 'newest', 'negative', 'most-negative']
const flags = ['limit', 'keys_only', 'count_only', 'serializable']
const bounds = ['min_mod_revision', 'max_mod_revision', 'min_create_revision', 'max_create_revision']
const orders = ['none', 'ascend', 'descend']
const sortTargets = ['key', 'version', 'create', 'mod', 'value']
const compareTargets = ['version', 'create', 'mod', 'value', 'lease', 'unknown']
const compareResults = ['equal', 'greater', 'less', 'not-equal', 'unknown']

type Case = readonly [label: string, outcome: string]

const ok = (labels: readonly string[]): readonly Case[] => labels.map((label) => [label, 'ok'])

/**
 * What a run must have seen, as label and beginning of the outcome. A generator that stops reaching a case
 * makes the run fail instead of making it worthless.
 */
export const mustReach: readonly Case[] = [
  ...ok(shapes.map((shape) => `Range shape ${shape}`)),
  ...ok(revisions.map((kind) => `Range revision ${kind}`)),
  ...ok([...flags, ...bounds].map((option) => `Range ${option}`)),
  ...ok(orders.flatMap((order) => sortTargets.map((target) => `Range sort ${order} by ${target}`))),
  ['Range revision compacted', compacted],
  ['Range revision future', future],
  ['Range revision largest', future],
  ...ok(['Put any', 'Put lease', 'Put prev_kv', 'Put ignore_value', 'Put ignore_lease']),
  ['Put ignore_value', missingKey],
  ['Put ignore_lease', missingKey],
  ...ok([...shapes.map((shape) => `DeleteRange shape ${shape}`), 'DeleteRange prev_kv']),
  ...ok(
    compareTargets.flatMap((target) => compareResults.map((result) => `Txn compare ${target} ${result}`)),
  ),
  ...ok(shapes.map((shape) => `Txn compare range ${shape}`)),
  ...ok(['Txn op range', 'Txn op put', 'Txn op delete', 'Txn op txn', 'Txn read-only']),
  ...ok(['Txn depth 0', 'Txn depth 1', 'Txn depth 2', 'Txn range revision past']),
  ...[duplicate, missingKey, compacted, future, '5 etcdserver: requested lease not found'].map(
    (outcome): Case => ['Txn op put', outcome],
  ),
  ...ok(['Compact', 'LeaseGrant', 'LeaseGrant negative id', 'LeaseRevoke', 'LeaseLeases']),
  ...ok(['LeaseKeepAlive known', 'LeaseKeepAlive unknown', 'LeaseTimeToLive keys known']),
  ...ok(['LeaseTimeToLive known', 'LeaseTimeToLive unknown', 'HashKV revision now', 'HashKV revision past']),
  ['HashKV revision future', future],
  ['large: accepted', 'ok'],
  ['large: request', '3 etcdserver: request is too large'],
  ['large: message', '8'],
  ...['Put', 'Range', 'DeleteRange', 'Txn'].flatMap((method): Case[] => [
    [`damaged ${method}: append`, 'ok'],
    [`damaged ${method}: truncate`, '13'],
    [`damaged ${method}: flip`, '13'],
  ]),
  ...['now', 'past', 'next', 'future', 'around compaction'].map(
    (kind): Case => [`Watch start ${kind}`, 'created'],
  ),
  ['Watch start around compaction', 'compacted'],
  ['Watch shape empty', 'refused: mvcc: watcher range is empty'],
  ['Watch id chosen', 'refused: mvcc: duplicate watch ID provided on the WatchStream'],
  ...['prev_kv', 'id chosen', 'filters 0', 'filters 1', 'filters 0+1', 'filters 7'].map(
    (option): Case => [`Watch ${option}`, 'created'],
  ),
  ['Watch without key', 'created'],
  ['Watch cancel', 'canceled'],
  ['Watch cancel unknown', 'ignored'],
  ['Watch progress', 'progress'],
  ['Watch empty request', 'ignored'],
  ['events', 'compared'],
]
