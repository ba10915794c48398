/**
 * What the appliance tells of the remote connection.
 *
 * @typedef {object} TunnelPhone
 * @property {string} name
 * @property {string | null} address null: what is stored of it is damaged
 * @property {number} created_s
 * @property {string} created_by
 *
 * @typedef {object} NewPhone shown once: the appliance does not keep its private key
 * @property {string} name
 * @property {string} conf for WireGuard's app
 * @property {string} qr the same as SVG
 *
 * @typedef {object} TunnelHub
 * @property {string} endpoint
 * @property {string} hub_key its public key
 * @property {string} network
 * @property {string} address the appliance's own
 *
 * @typedef {object} Tunnel
 * @property {boolean} enabled
 * @property {boolean} damaged
 * @property {"off" | "down" | "waiting" | "connected" | "lost"} state
 * @property {number | null} handshake_age_s
 * @property {number} received_bytes
 * @property {number} sent_bytes
 * @property {string | null} public_key the appliance's own
 * @property {TunnelHub | null} hub null: nothing is set up yet
 * @property {string | null} hub_conf
 * @property {string} hub_key_file
 * @property {string | null} page where a phone finds it through the tunnel
 * @property {number | null} changed_s
 * @property {string | null} changed_by
 * @property {TunnelPhone[]} phones
 * @property {number} max_phones
 * @property {number} max_name characters
 */
export {};
