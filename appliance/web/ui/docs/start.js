/* Starts Swagger UI over this appliance's own schema. Nothing is asked of anybody else. */
const SCHEMA = '/api/v1/openapi/openapi.json';
const SAFE = ['GET', 'HEAD', 'OPTIONS'];

/** A change made with the session's cookie carries the session's token against forged requests. */
async function withToken(request) {
  if (SAFE.includes((request.method ?? 'GET').toUpperCase())) return request;
  const answer = await fetch('/api/v1/session');
  if (answer.ok) request.headers['x-csrf-token'] = (await answer.json()).csrf_token;
  return request;
}

function askToSignIn(place) {
  const link = document.createElement('a');
  link.href = '/sign-in?next=/docs/';
  link.textContent = 'Sign in';
  const line = document.createElement('p');
  line.className = 'page';
  line.append(link, ' to see what this appliance’s API offers.');
  place.replaceChildren(line);
}

async function start() {
  const place = document.getElementById('api');
  const answer = await fetch(SCHEMA);
  if (answer.status === 401) {
    askToSignIn(place);
    return;
  }
  if (!answer.ok) {
    place.textContent = `The schema could not be read: the appliance answered ${answer.status}.`;
    return;
  }
  window.SwaggerUIBundle({
    domNode: place,
    spec: await answer.json(),
    validatorUrl: null,
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    requestInterceptor: withToken,
  });
}

void start();
