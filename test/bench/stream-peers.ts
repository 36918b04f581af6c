/** The proxies for TLS by server name, passed through, that gatehouse is measured beside. */
import { existsSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { installPackages } from "../install-packages.ts";
import { hasCommand } from "../packages.ts";
import { type Peer, type PeerPorts, gatehousePeer, gatehousePeers } from "./peers.ts";

const STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";

const NGINX: Peer = {
  name: "nginx",
  command: (folder, ports) => {
    const file = join(folder, "nginx.conf");
    writeFileSync(file, nginx(folder, ports));
    return ["nginx", "-c", file, "-p", folder];
  },
};

/** TLS for one name to one site, one worker. */
export const GATEHOUSE: Peer = gatehousePeer(gatehouse);

const STREAM_PEERS: readonly Peer[] = [
  ...gatehousePeers(gatehouse),
  {
    name: "haproxy",
    command: (folder, ports) => {
      const file = join(folder, "haproxy.cfg");
      writeFileSync(file, haproxy(folder, ports));
      return ["haproxy", "-f", file];
    },
  },
  {
    name: "sniproxy",
    command: (folder, ports) => {
      const file = join(folder, "sniproxy.conf");
      writeFileSync(file, sniproxy(folder, ports));
      return ["sniproxy", "-f", "-c", file];
    },
  },
  NGINX,
];

/** What each needs of Debian, and whether it is there. */
const PACKAGES: readonly (readonly [
  peer: string,
  debianPackage: string,
  isThere: () => boolean,
])[] = [
  ["haproxy", "haproxy", () => hasCommand("haproxy")],
  ["sniproxy", "sniproxy", () => hasCommand("sniproxy")],
  ["nginx", "nginx", () => hasCommand("nginx")],
  ["nginx", "libnginx-mod-stream", () => existsSync(STREAM_MODULE)],
];

/**
 * The proxies that can be measured here, one worker or thread each, access log on. Effect: installs what is missing, when
 * it may; a proxy that is still missing then is named on stderr and left out.
 */
export function availableStreamPeers(): readonly Peer[] {
  const missing = PACKAGES.filter(([, , isThere]) => !isThere());
  if (missing.length > 0) installPackages(missing.map(([, debianPackage]) => debianPackage));
  const absent = new Set(PACKAGES.filter(([, , isThere]) => !isThere()).map(([peer]) => peer));
  for (const name of absent) console.error(`bench: without ${name}, which is not installed`);
  return STREAM_PEERS.filter(({ name }) => !absent.has(name));
}

function gatehouse(folder: string, { listen, site, admin }: PeerPorts): string {
  return `workers = 1
admin.listen = "127.0.0.1:${admin}"
access_log.path = "${folder}/access.log"
[[gateway]]
name = "tls"
listen = "127.0.0.1:${listen}"
protocol = "tls"
[[virtual_service]]
hosts = ["nginx.com"]
[[virtual_service.tls]]
route = "site"
[service.site]
endpoints = ["127.0.0.1:${site}"]
pool.connections = 30000
`;
}

function nginx(folder: string, { listen, site }: PeerPorts): string {
  return `load_module ${STREAM_MODULE}; worker_processes 1; daemon off; pid ${folder}/n.pid; error_log ${folder}/error.log;
worker_rlimit_nofile 65536;
events { worker_connections 30000; }
stream {
  log_format line '$remote_addr $ssl_preread_server_name $status $bytes_sent $bytes_received $session_time';
  access_log ${folder}/access.log line buffer=64k flush=1s;
  map $ssl_preread_server_name $to { nginx.com 127.0.0.1:${site}; }
  server { listen 127.0.0.1:${listen} backlog=8192; ssl_preread on; proxy_pass $to; proxy_buffer_size 64k; tcp_nodelay on; }
}
`;
}

function haproxy(folder: string, { listen, site }: PeerPorts): string {
  return `global
  nbthread 1
  maxconn 8000
  log ${folder}/log.sock len 4096 local0
defaults
  mode tcp
  log global
  option tcplog
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend tls
  bind 127.0.0.1:${listen}
  tcp-request inspect-delay 5s
  tcp-request content accept if { req_ssl_hello_type 1 }
  use_backend site if { req_ssl_sni -i nginx.com }
backend site
  server s1 127.0.0.1:${site}
`;
}

function sniproxy(folder: string, { listen, site }: PeerPorts): string {
  return `user ${userInfo().username}
pidfile ${folder}/sniproxy.pid
error_log {
  filename ${folder}/error.log
}
access_log {
  filename ${folder}/access.log
}
listen 127.0.0.1:${listen} {
  proto tls
  table hosts
}
table hosts {
  nginx.com 127.0.0.1:${site}
}
`;
}
