/** What a person who just started the gateway wants to know. */
export interface BannerFacts {
  version: string;
  gatewayId: string;
  pageUrl: string | undefined;
  /** One RTSP URL a stream. */
  rtspUrls: readonly string[];
  rtmpUrls: readonly string[];
  mqtt: { host: string; port: number; url: string; base: string; embedded: boolean } | undefined;
  /** For each stream, what it captures. */
  sources: readonly string[];
  /** Defaults that had to give way, for example "RTSP is on 8555, 8554 is taken". */
  notes: readonly string[];
  /** No user exists: everything listens on loopback. */
  open: boolean;
  /** How the command line tool is called here. */
  command: string;
}

/** The lines of the banner, without colours: they are read in terminals, in files and over SSH. */
export function banner(facts: BannerFacts): string {
  const rows: [string, string][] = [];
  if (facts.pageUrl !== undefined) rows.push(['Viewer', facts.pageUrl]);
  for (const url of facts.rtspUrls) rows.push(['RTSP', url]);
  for (const url of facts.rtmpUrls) rows.push(['RTMP', url]);
  if (facts.mqtt !== undefined) {
    const { host, port, url, base, embedded } = facts.mqtt;
    rows.push(['MQTT', `${url}  ${embedded ? '(own broker)' : '(broker found there)'}`]);
    rows.push(['', `mosquitto_sub -h ${host} -p ${port} -t '${base}/#' -v`]);
  }
  for (const source of facts.sources) rows.push(['Source', source]);
  for (const note of facts.notes) rows.push(['Note', note]);
  if (facts.open) {
    rows.push(['Access', 'no user yet, so everything listens on this machine only;']);
    rows.push(['', `to open it to your network: ${facts.command} user add NAME, then restart`]);
  }
  const lines = rows.map(([label, text]) => `  ${label.padEnd(8)}${text}`);
  return `\n  Vedette ${facts.version}, gateway "${facts.gatewayId}"\n\n${lines.join('\n')}\n\n`;
}
