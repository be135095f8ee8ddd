import { go, steeltoe as dotnet } from '../wire/registrations.ts'
import { bare, listed, type Transcript } from './transcript.ts'

const goXml = { 'Content-Type': 'application/xml', Accept: 'application/xml', 'Accept-Encoding': 'gzip' }
const goOwn = '/eureka/v2/apps/TESTAPP/i-6589ef6'

/** fargo in XML, which looks before it registers, and afterwards reads what has become of it. */
export const fargo: Transcript = {
  title: 'fargo',
  steps: [
    {
      tells: 'it looks whether it is registered',
      request: { method: 'GET', path: goOwn, headers: goXml },
      answer: bare(404),
    },
    {
      tells: 'so it registers, with what Amazon would say though it is not there',
      request: { method: 'POST', path: '/eureka/v2/apps/TESTAPP', headers: goXml, body: go },
      answer: bare(204),
    },
    {
      tells: 'it reads it back: a lease of its own, and a key with its underscore escaped',
      request: { method: 'GET', path: goOwn, headers: goXml },
      answer: {
        status: 200,
        xml: {
          instance: {
            instanceId: 'i-6589ef6',
            dataCenterInfo: { name: 'MyOwn' },
            leaseInfo: { renewalIntervalInSecs: '30', durationInSecs: '90' },
            metadata: { some__key: 'one two' },
          },
        },
      },
    },
    {
      tells: 'it beats, and says nothing at all',
      afterMs: 30_000,
      request: { method: 'PUT', path: goOwn, headers: { 'Accept-Encoding': 'gzip' } },
      answer: bare(200),
    },
    {
      tells: 'it adds to its metadata, escaped as Go escapes queries',
      request: { method: 'PUT', path: `${goOwn}/metadata?some_key=two+%26+three` },
      answer: bare(200),
    },
    {
      tells: 'somebody polls its application',
      request: { method: 'GET', path: '/eureka/v2/apps/TESTAPP', headers: goXml },
      answer: {
        status: 200,
        xml: {
          application: { name: 'TESTAPP', instance: [{ metadata: { some__key: 'two & three' } }] },
        },
      },
    },
    {
      tells: 'it takes itself out of service',
      request: { method: 'PUT', path: `${goOwn}/status?value=OUT_OF_SERVICE` },
      answer: bare(200),
    },
    {
      tells: 'whoever reads JSON in Go sees all of it, in the types that Go insists on',
      request: { method: 'GET', path: '/eureka/v2/apps', headers: { Accept: 'application/json' } },
      answer: {
        status: 200,
        json: listed('OUT_OF_SERVICE_1_', {
          TESTAPP: [{ instanceId: 'i-6589ef6', countryId: 0, metadata: { some_key: 'two & three' } }],
        }),
      },
      copyIs: 'replaced',
    },
    { tells: 'it ends', request: { method: 'DELETE', path: goOwn }, answer: bare(200) },
  ],
}

const dotnetJson = { Accept: 'application/json', 'X-Discovery-AllowRedirect': 'false' }
const dotnetOwn = '/eureka/apps/FORTUNES/win-7%3Afortunes%3A5000'

/** Steeltoe, which escapes whatever it puts in a path. */
export const steeltoe: Transcript = {
  title: 'Steeltoe',
  steps: [
    {
      tells: 'it registers',
      request: {
        method: 'POST',
        path: '/eureka/apps/FORTUNES',
        headers: { ...dotnetJson, 'Content-Type': 'application/json; charset=utf-8' },
        body: JSON.stringify(dotnet),
      },
      answer: bare(204),
    },
    {
      tells: 'it fetches everything, without a slash at the end',
      request: { method: 'GET', path: '/eureka/apps', headers: dotnetJson },
      answer: {
        status: 200,
        json: listed('STARTING_1_', {
          FORTUNES: [
            {
              instanceId: 'win-7:fortunes:5000',
              port: { $: 5000, '@enabled': 'true' },
              metadata: { '@class': 'java.util.Collections$EmptyMap' },
            },
          ],
        }),
      },
      copyIs: 'replaced',
    },
    {
      tells: 'it beats, and says only since when it is as it is',
      afterMs: 30_000,
      request: { method: 'PUT', path: `${dotnetOwn}?lastDirtyTimestamp=1700000003000`, headers: dotnetJson },
      answer: bare(200),
    },
    {
      tells: 'it has changed, and is sent to register',
      request: { method: 'PUT', path: `${dotnetOwn}?lastDirtyTimestamp=1700000033000`, headers: dotnetJson },
      answer: bare(404),
    },
    {
      tells: 'which it does',
      request: {
        method: 'POST',
        path: '/eureka/apps/FORTUNES',
        headers: { ...dotnetJson, 'Content-Type': 'application/json; charset=utf-8' },
        body: JSON.stringify({
          instance: { ...dotnet.instance, status: 'UP', lastDirtyTimestamp: '1700000033000' },
        }),
      },
      answer: bare(204),
    },
    {
      tells: 'a delta brings it up to date',
      request: { method: 'GET', path: '/eureka/apps/delta', headers: dotnetJson },
      answer: {
        status: 200,
        json: listed('UP_1_', { FORTUNES: [{ status: 'UP', actionType: 'MODIFIED' }] }),
      },
      copyIs: 'in step',
    },
    {
      tells: 'a vip address is escaped, too',
      request: { method: 'GET', path: '/eureka/vips/fortunes', headers: dotnetJson },
      answer: { status: 200, json: listed('UP_1_', { FORTUNES: [{ hostName: 'win-7' }] }) },
    },
    {
      tells: 'it ends',
      request: { method: 'DELETE', path: dotnetOwn, headers: dotnetJson },
      answer: bare(200),
    },
  ],
}
