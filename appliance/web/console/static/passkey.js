// Signs in with a passkey. The only script of the pages that work without any.
'use strict';

const button = document.getElementById('passkey');
const problem = document.getElementById('passkey-problem');

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

async function send(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail ?? said.title ?? `HTTP ${answer.status}`);
  return said;
}

async function signIn() {
  const options = await send('/sign-in/step/passkey/options', {});
  const credential = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: options.allowCredentials.map((one) => ({ ...one, id: bytes(one.id) })),
    },
  });
  const { response } = credential;
  const done = await send('/sign-in/step/passkey', {
    next: button.dataset.next,
    credential: {
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response: {
        clientDataJSON: text(response.clientDataJSON),
        authenticatorData: text(response.authenticatorData),
        signature: text(response.signature),
        userHandle: response.userHandle ? text(response.userHandle) : null,
      },
    },
  });
  location.assign(done.next);
}

if (button && window.PublicKeyCredential) {
  button.hidden = false;
  button.addEventListener('click', () => {
    problem.hidden = true;
    signIn().catch((error) => {
      problem.textContent = error.message;
      problem.hidden = false;
    });
  });
}
