#!/usr/bin/env bash
# make-keys.sh FOLDER: an authority for updates, and a key under it that signs them.
#
# Keep ca.key.pem away from every machine that is on a network: whoever has it decides what all appliances run. ca.cert.pem is
# NVR_UPDATE_CA of the build; signer.key.pem and signer.cert.pem are NVR_UPDATE_KEY and NVR_UPDATE_CERT.
set -euo pipefail
folder=$1
umask 077
mkdir -p "$folder"
if [ -e "$folder/ca.key.pem" ]; then
	echo "$folder has an authority already" >&2
	exit 1
fi
cd "$folder"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9125 -subj "/CN=Village NVR updates" \
	-addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
	-keyout ca.key.pem -out ca.cert.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Village NVR update signer" \
	-keyout signer.key.pem -out signer.csr.pem
openssl x509 -req -in signer.csr.pem -CA ca.cert.pem -CAkey ca.key.pem -CAcreateserial -days 3650 -out signer.cert.pem \
	-extfile <(printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n')
rm signer.csr.pem ca.cert.srl
