/**
 * What clients send to register, each in its own manner. Composed by the fields and types that each of them is
 * known to write; the values are ours.
 */

/** Java's DiscoveryClient in a data center of one's own. */
export const javaOwn = {
  instance: {
    instanceId: 'orders-1',
    hostName: 'orders-1.internal',
    app: 'ORDERS',
    ipAddr: '10.1.0.4',
    sid: 'na',
    status: 'UP',
    overriddenStatus: 'UNKNOWN',
    port: { $: 8080, '@enabled': 'true' },
    securePort: { $: 8443, '@enabled': 'false' },
    countryId: 1,
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    leaseInfo: {
      renewalIntervalInSecs: 30,
      durationInSecs: 90,
      registrationTimestamp: 0,
      lastRenewalTimestamp: 0,
      evictionTimestamp: 0,
      serviceUpTimestamp: 0,
    },
    metadata: { '@class': 'java.util.Collections$EmptyMap' },
    homePageUrl: 'http://orders-1.internal:8080/',
    statusPageUrl: 'http://orders-1.internal:8080/Status',
    healthCheckUrl: 'http://orders-1.internal:8080/healthcheck',
    vipAddress: 'orders.internal',
    secureVipAddress: 'orders.internal',
    isCoordinatingDiscoveryServer: 'false',
    lastUpdatedTimestamp: '1700000000000',
    lastDirtyTimestamp: '1700000000123',
  },
}

/** Java's DiscoveryClient on Amazon, of an age that knows no instanceId. */
export const javaAmazon = {
  instance: {
    hostName: 'ec2-203-0-113-7.compute-1.amazonaws.com',
    app: 'RATINGS',
    ipAddr: '172.31.4.9',
    status: 'STARTING',
    overriddenStatus: 'UNKNOWN',
    port: { $: 7001, '@enabled': 'true' },
    securePort: { $: 7002, '@enabled': 'false' },
    countryId: 1,
    dataCenterInfo: {
      '@class': 'com.netflix.appinfo.AmazonInfo',
      name: 'Amazon',
      metadata: {
        'instance-id': 'i-0abc',
        'public-ipv4': '203.0.113.7',
        'public-hostname': 'ec2-203-0-113-7.compute-1.amazonaws.com',
        'local-ipv4': '172.31.4.9',
        'availability-zone': 'us-east-1c',
        'ami-id': 'ami-77',
        'instance-type': 'm5.large',
      },
    },
    leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90, renewalTimestamp: 1700000000500 },
    metadata: { team: 'blue' },
    vipAddress: 'ratings',
    asgName: 'ratings-v012',
    isCoordinatingDiscoveryServer: 'false',
    lastUpdatedTimestamp: '1700000000000',
    lastDirtyTimestamp: '1700000000000',
    actionType: 'ADDED',
  },
}

/** Spring Cloud. */
export const springCloud = {
  instance: {
    instanceId: 'host-9:billing:8081',
    app: 'BILLING',
    appGroupName: 'MONEY',
    ipAddr: '192.0.2.9',
    sid: 'na',
    homePageUrl: 'http://host-9:8081/',
    statusPageUrl: 'http://host-9:8081/actuator/info',
    healthCheckUrl: 'http://host-9:8081/actuator/health',
    secureHealthCheckUrl: null,
    vipAddress: 'billing',
    secureVipAddress: 'billing',
    countryId: 1,
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    hostName: 'host-9',
    status: 'UP',
    overriddenStatus: 'UNKNOWN',
    leaseInfo: {
      renewalIntervalInSecs: 10,
      durationInSecs: 30,
      registrationTimestamp: 0,
      lastRenewalTimestamp: 0,
      evictionTimestamp: 0,
      serviceUpTimestamp: 0,
    },
    isCoordinatingDiscoveryServer: false,
    lastUpdatedTimestamp: 1700000001000,
    lastDirtyTimestamp: 1700000001500,
    actionType: null,
    asgName: null,
    port: { $: 8081, '@enabled': 'true' },
    securePort: { $: 443, '@enabled': 'false' },
    metadata: { 'management.port': '9001', zone: 'zone1' },
  },
}

/** eureka-js-client: what its user configured, as it is. */
export const javascript = {
  instance: {
    app: 'jqservice',
    hostName: 'localhost',
    ipAddr: '127.0.0.1',
    port: 3000,
    securePort: { $: '3443', '@enabled': true },
    vipAddress: 'jq.test.something.com',
    dataCenterInfo: { name: 'MyOwn' },
    metadata: { weight: 10, canary: true, empty: null },
    status: 'UP',
  },
}

/** py-eureka-client. */
export const python = {
  instance: {
    instanceId: '10.0.0.3:reports:9090',
    hostName: '10.0.0.3',
    app: 'REPORTS',
    ipAddr: '10.0.0.3',
    status: 'UP',
    overriddenstatus: '',
    port: { $: 9090, '@enabled': 'true' },
    securePort: { $: 9443, '@enabled': 'false' },
    countryId: 1,
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    leaseInfo: {
      renewalIntervalInSecs: 30,
      durationInSecs: 90,
      registrationTimestamp: 1700000002000,
      lastRenewalTimestamp: 1700000002000,
      evictionTimestamp: 0,
      serviceUpTimestamp: 1700000002000,
    },
    metadata: { 'management.port': '9090' },
    homePageUrl: 'http://10.0.0.3:9090/',
    statusPageUrl: 'http://10.0.0.3:9090/info',
    healthCheckUrl: 'http://10.0.0.3:9090/health',
    secureHealthCheckUrl: '',
    vipAddress: 'reports',
    secureVipAddress: 'reports',
    lastUpdatedTimestamp: '1700000002000',
    lastDirtyTimestamp: '1700000002000',
    isCoordinatingDiscoveryServer: 'false',
  },
}

/** Steeltoe. */
export const steeltoe = {
  instance: {
    instanceId: 'win-7:fortunes:5000',
    app: 'FORTUNES',
    ipAddr: '10.2.0.7',
    sid: 'na',
    port: { '@enabled': 'true', $: 5000 },
    securePort: { '@enabled': 'false', $: 443 },
    homePageUrl: 'http://win-7:5000/',
    statusPageUrl: 'http://win-7:5000/info',
    healthCheckUrl: 'http://win-7:5000/health',
    vipAddress: 'fortunes',
    secureVipAddress: 'fortunes',
    countryId: 1,
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    hostName: 'win-7',
    status: 'STARTING',
    overriddenStatus: 'UNKNOWN',
    leaseInfo: {
      renewalIntervalInSecs: 30,
      durationInSecs: 90,
      registrationTimestamp: 0,
      lastRenewalTimestamp: 0,
      renewalTimestamp: 0,
      evictionTimestamp: 0,
      serviceUpTimestamp: 0,
    },
    isCoordinatingDiscoveryServer: 'false',
    metadata: { '@class': 'java.util.Collections$EmptyMap' },
    lastUpdatedTimestamp: '1700000003000',
    lastDirtyTimestamp: '1700000003000',
    actionType: 'ADDED',
  },
}

/** fargo, in XML. It writes the metadata of Amazon always, and does not escape underscores. */
export const go = `<instance>
  <instanceId>i-6589ef6</instanceId>
  <hostName>i-6589ef6</hostName>
  <app>TESTAPP</app>
  <ipAddr>127.0.0.10</ipAddr>
  <vipAddress>127.0.0.10</vipAddress>
  <secureVipAddress>127.0.0.10</secureVipAddress>
  <status>UP</status>
  <overriddenstatus></overriddenstatus>
  <port enabled="true">9090</port>
  <securePort enabled="false">0</securePort>
  <homePageUrl></homePageUrl>
  <countryId>0</countryId>
  <dataCenterInfo>
    <name>MyOwn</name>
    <metadata>
      <ami-launch-index></ami-launch-index>
      <instance-id></instance-id>
    </metadata>
  </dataCenterInfo>
  <leaseInfo>
    <renewalIntervalInSecs>0</renewalIntervalInSecs>
    <durationInSecs>90</durationInSecs>
  </leaseInfo>
  <metadata><some_key>one two</some_key></metadata>
</instance>`
