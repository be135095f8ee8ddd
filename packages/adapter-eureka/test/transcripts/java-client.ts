import { javaOwn } from '../wire/registrations.ts'
import { bare, listed, type Step, type Transcript, type WireRequest } from './transcript.ts'

/** How a version of the client writes what all of them say. */
interface JavaWriting {
  readonly version: string
  /** 2.0 cannot send a PUT without a body, and says what it would like to read. */
  readonly puts: Pick<WireRequest, 'headers' | 'body'>
}

const identity = {
  'DiscoveryIdentity-Name': 'DefaultClient',
  'DiscoveryIdentity-Version': '1.4',
  'DiscoveryIdentity-Id': '10.1.0.4',
}
const json = { 'Content-Type': 'application/json', Accept: 'application/json' }

const asOf1: JavaWriting = { version: '1.10', puts: { headers: identity } }
const asOf2: JavaWriting = { version: '2.0', puts: { headers: { ...identity, ...json }, body: '{}' } }

/** The times at which the client has changed. Epoch, ms. */
const dirty = { starting: '1700000000123', up: '1700000060456', down: '1700000400789' } as const

/** As Jackson writes it: all in one line, numbers of ports as numbers, times as texts, and classes of Java in between. */
function registration(status: string, lastDirtyTimestamp: string): string {
  return JSON.stringify({ instance: { ...javaOwn.instance, status, lastDirtyTimestamp } })
}

function registers(status: string, lastDirtyTimestamp: string): Pick<Step, 'request' | 'answer'> {
  const headers = { ...identity, ...json, 'Accept-Encoding': 'gzip' }
  const body = registration(status, lastDirtyTimestamp)
  return {
    request: { method: 'POST', path: '/eureka/v2/apps/ORDERS', headers, body },
    answer: bare(204),
  }
}

const own = '/eureka/v2/apps/ORDERS/orders-1'

function fetches(path: 'apps/' | 'apps/delta'): WireRequest {
  const headers = { ...identity, Accept: 'application/json', 'Accept-Encoding': 'gzip' }
  return { method: 'GET', path: `/eureka/v2/${path}`, headers }
}

/** Somebody else. Its lease is long, so that it need not be heard of again. */
function neighbour(app: string, id: string): Pick<Step, 'request' | 'answer'> {
  const leaseInfo = { ...javaOwn.instance.leaseInfo, durationInSecs: 86_400 }
  const body = JSON.stringify({
    instance: { ...javaOwn.instance, app, instanceId: id, vipAddress: app.toLowerCase(), leaseInfo },
  })
  return {
    request: { method: 'POST', path: `/eureka/v2/apps/${app}`, headers: json, body },
    answer: bare(204),
  }
}

function neighbourLeaves(app: string, id: string): Pick<Step, 'request' | 'answer'> {
  return { request: { method: 'DELETE', path: `/eureka/v2/apps/${app}/${id}` }, answer: bare(200) }
}

/** A Java application from its start to its end. */
function javaClient({ version, puts }: JavaWriting): Transcript {
  const beats = (status: string, since: string): WireRequest => ({
    method: 'PUT',
    path: `${own}?status=${status}&lastDirtyTimestamp=${since}`,
    ...puts,
  })
  return {
    title: `a Java client ${version}`,
    steps: [
      { tells: 'somebody else is there', ...neighbour('PAYMENTS', 'payments-1') },
      {
        tells: 'it starts by fetching everything',
        request: fetches('apps/'),
        answer: {
          status: 200,
          headers: { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
          json: listed('UP_1_', { PAYMENTS: [{ instanceId: 'payments-1', actionType: 'ADDED' }] }),
        },
        copyIs: 'replaced',
      },
      {
        tells: 'its heartbeat is due before it has registered',
        afterMs: 30_000,
        request: beats('STARTING', dirty.starting),
        answer: bare(404),
      },
      { tells: 'so it registers, starting', ...registers('STARTING', dirty.starting) },
      {
        tells: 'the next heartbeat finds it',
        afterMs: 30_000,
        request: beats('STARTING', dirty.starting),
        answer: bare(200),
      },
      {
        tells: 'a delta shows it itself, without what Java puts among the metadata',
        request: fetches('apps/delta'),
        answer: {
          status: 200,
          json: listed('STARTING_1_UP_1_', {
            ORDERS: [
              {
                instanceId: 'orders-1',
                status: 'STARTING',
                metadata: { '@class': 'java.util.Collections$EmptyMap' },
                dataCenterInfo: javaOwn.instance.dataCenterInfo,
                leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90, serviceUpTimestamp: 0 },
                lastDirtyTimestamp: dirty.starting,
                actionType: 'ADDED',
              },
            ],
            PAYMENTS: [{ instanceId: 'payments-1' }],
          }),
        },
        copyIs: 'in step',
      },
      {
        tells: 'it is up, and its heartbeat says that it has changed',
        afterMs: 30_000,
        request: beats('UP', dirty.up),
        answer: bare(404),
      },
      { tells: 'so it registers anew', ...registers('UP', dirty.up) },
      { tells: 'which is what the heartbeat wanted', request: beats('UP', dirty.up), answer: bare(200) },
      { tells: 'somebody joins', ...neighbour('PAYMENTS', 'payments-2') },
      { tells: 'somebody leaves', ...neighbourLeaves('PAYMENTS', 'payments-1') },
      { tells: 'somebody comes with an application of his own', ...neighbour('LEDGER', 'ledger-1') },
      { tells: 'and goes before anybody has seen him', ...neighbourLeaves('LEDGER', 'ledger-1') },
      { tells: 'while another stays', ...neighbour('LEDGER', 'ledger-2') },
      {
        tells: 'one delta shows it all: of each the last, the gone at the end',
        request: fetches('apps/delta'),
        answer: {
          status: 200,
          json: listed('UP_3_', {
            LEDGER: [
              { instanceId: 'ledger-2', actionType: 'ADDED' },
              { instanceId: 'ledger-1', actionType: 'DELETED', app: 'LEDGER', status: 'UP' },
            ],
            ORDERS: [{ instanceId: 'orders-1', status: 'UP', actionType: 'MODIFIED' }],
            PAYMENTS: [
              { instanceId: 'payments-2', actionType: 'ADDED' },
              { instanceId: 'payments-1', actionType: 'DELETED' },
            ],
          }),
        },
        copyIs: 'in step',
      },
      { tells: 'an application goes', ...neighbourLeaves('LEDGER', 'ledger-2') },
      {
        tells: 'its copy loses the application with its last instance',
        afterMs: 30_000,
        request: fetches('apps/delta'),
        answer: { status: 200, json: { applications: { apps__hashcode: 'UP_2_' } } },
        copyIs: 'in step',
      },
      { tells: 'somebody joins, just before', ...neighbour('PAYMENTS', 'payments-3') },
      {
        tells:
          'the machine of the client stands still: nobody has heard of it for longer than deltas remember',
        afterMs: 200_000,
        request: fetches('apps/delta'),
        answer: {
          status: 200,
          json: listed('UP_2_', { ORDERS: [{ instanceId: 'orders-1', actionType: 'DELETED' }] }),
        },
        copyIs: 'out of step',
      },
      {
        tells: 'the hash codes differ, so it fetches everything',
        request: fetches('apps/'),
        answer: {
          status: 200,
          json: listed('UP_2_', { PAYMENTS: [{ instanceId: 'payments-2' }, { instanceId: 'payments-3' }] }),
        },
        copyIs: 'replaced',
      },
      { tells: 'its heartbeat finds nobody', request: beats('UP', dirty.up), answer: bare(404) },
      { tells: 'it registers as what it was', ...registers('UP', dirty.up) },
      { tells: 'its health check fails, and it registers at once', ...registers('DOWN', dirty.down) },
      {
        tells: 'whoever is down is listed',
        request: fetches('apps/delta'),
        answer: {
          status: 200,
          json: listed('DOWN_1_UP_2_', { ORDERS: [{ status: 'DOWN', lastDirtyTimestamp: dirty.down }] }),
        },
        copyIs: 'in step',
      },
      { tells: 'a registration that was under way comes too late', ...registers('UP', dirty.up) },
      {
        tells: 'and has changed nothing, as what is known is newer',
        request: { method: 'GET', path: own, headers: { ...identity, Accept: 'application/json' } },
        answer: {
          status: 200,
          json: { instance: { status: 'DOWN', lastDirtyTimestamp: dirty.down, actionType: 'MODIFIED' } },
        },
      },
      {
        tells: 'it ends',
        request: { method: 'DELETE', path: own, headers: identity },
        answer: bare(200),
      },
      {
        tells: 'ending twice does no harm',
        request: { method: 'DELETE', path: own, headers: identity },
        answer: bare(404),
      },
    ],
  }
}

/** With Jersey 1, which most have: what it PUTs has no body. */
export const javaClient1: Transcript = javaClient(asOf1)

/** With Jersey 3. */
export const javaClient2: Transcript = javaClient(asOf2)

/** More has changed than a server with little memory can tell. */
export const refusedDelta: Transcript = {
  title: 'a Java client that is refused a delta',
  options: { deltaMaxItems: 2 },
  steps: [
    { tells: 'three are there', ...neighbour('PAYMENTS', 'payments-1') },
    { tells: 'the second', ...neighbour('PAYMENTS', 'payments-2') },
    { tells: 'the third', ...neighbour('PAYMENTS', 'payments-3') },
    { tells: 'the server cannot tell it all', request: fetches('apps/delta'), answer: bare(403) },
    {
      tells: 'so the client fetches everything',
      request: fetches('apps/'),
      answer: { status: 200, json: { applications: { apps__hashcode: 'UP_3_' } } },
      copyIs: 'replaced',
    },
    { tells: 'later one leaves', afterMs: 180_000, ...neighbourLeaves('PAYMENTS', 'payments-2') },
    {
      tells: 'and deltas are complete again',
      request: fetches('apps/delta'),
      answer: {
        status: 200,
        json: listed('UP_2_', { PAYMENTS: [{ instanceId: 'payments-2', actionType: 'DELETED' }] }),
      },
      copyIs: 'in step',
    },
  ],
}
