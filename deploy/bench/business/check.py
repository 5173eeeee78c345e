"""Check that the running business systems behave as their READMEs say.

Takes its settings from the environment (the lines that up prints).
It writes: give it fresh instances, as check does.
"""
import base64
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

env = os.environ
failures = 0


def check(what, holds, seen=None):
    global failures
    if holds:
        print('ok      ', what)
    else:
        failures += 1
        print('FAILED  ', what, '' if seen is None else f'(saw {seen!r})')


def call(method, url, body=None, form=None, **headers):
    "The status and the body, decoded where it is JSON"
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers['Content-Type'] = 'application/json'
    elif form is not None:
        data = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(url, data=data, method=method,
        headers={k.replace('_', '-'): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            status, raw = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, raw = error.code, error.read()
    try:
        return status, json.loads(raw)
    except ValueError:
        return status, raw.decode(errors='replace')


# -- Tryton ------------------------------------------------------------------

CONTEXT = base64.urlsafe_b64encode(
    json.dumps({'company': int(env['TRYTON_COMPANY'])}).encode()).decode()


def erp(who, method, path, body=None, fields=(), domain=None):
    query = [('f', f) for f in fields]
    if domain is not None:
        query.append(('d',
                base64.urlsafe_b64encode(json.dumps(domain).encode())))
    return call(method, f"{env['TRYTON_REST']}/{path}?"
        + urllib.parse.urlencode(query), body,
        Authorization='Bearer ' + env[f'TRYTON_{who}_KEY'],
        X_Tryton_Context=CONTEXT)


def rpc(who, rpc_method, *params, **extra):
    login = env[f'TRYTON_{who}_USER'] + ':' + env[f'TRYTON_{who}_PASSWORD']
    return call('POST', env['TRYTON_RPC'],
        {'id': 1, 'method': rpc_method, 'params': list(params), **extra},
        Authorization='Basic ' + base64.b64encode(login.encode()).decode())


def amount(value):
    return value and value['decimal']


STATE = ['number', 'state', 'total_amount', 'amount_to_pay', '_timestamp']

status, found = erp('AUDIT', 'GET', 'account.invoice',
    domain=[['number', '=', 'INV-00007']],
    fields=['party.code', 'invoice_address', 'account', 'journal', 'currency',
        'company', 'lines.account', 'lines.product', 'lines.unit',
        'lines.taxes'] + STATE)
invoice = found[0]
check('erp: the doubled invoice totals 840.00 and is paid',
    (amount(invoice['total_amount']), invoice['state'])
    == ('840.00', 'paid'), invoice)
check('erp: an invoice has an id, a number and a party code, all distinct',
    invoice['id'] != 7 and invoice['party']['code'] == 'C10008', invoice)


def credit_note(key):
    line = invoice['lines'][1]
    return {
        'type': 'out', 'party': invoice['party']['id'],
        'invoice_address': invoice['invoice_address'],
        'account': invoice['account'], 'journal': invoice['journal'],
        'currency': invoice['currency'], 'company': invoice['company'],
        'reference': key, 'description': 'Credit for INV-00007',
        'lines': [['create', [{
                        'type': 'line', 'quantity': -1, 'unit': line['unit'],
                        'unit_price': {'__class__': 'Decimal',
                            'decimal': '350.00'},
                        'product': line['product'],
                        'account': line['account'],
                        'taxes': [['add', line['taxes']]],
                        'origin': f"account.invoice.line,{line['id']}",
                        }]]]}


status, draft = erp('ERP_DRAFT', 'POST', 'account.invoice',
    credit_note('act-1'), STATE)
check('erp: a draft credit note is 420.00 and has no number',
    status == 200 and amount(draft['total_amount']) == '-420.00'
    and draft['number'] is None, (status, draft))
status, twin = erp('ERP_DRAFT', 'POST', 'account.invoice',
    credit_note('act-1'), STATE)
check('erp: the same create again makes a second draft',
    status == 200 and twin['id'] != draft['id'], (status, twin))
status, found = erp('AUDIT', 'GET', 'account.invoice',
    domain=[['reference', '=', 'act-1']])
check('erp: a search by reference finds both', len(found) == 2, found)
status, _ = erp('ERP_DRAFT', 'DELETE', f"account.invoice/{twin['id']}")
check('erp: a draft can be deleted', status == 204, status)
for who in 'ERP_DRAFT', 'AUDIT':
    status, body = erp(who, 'POST', f"account.invoice/{draft['id']}/post", {})
    check(f'erp: {who} may not post', status == 400
        and 'not allowed' in body['message'], (status, body))
status, body = erp('CRM', 'PUT', f"account.invoice/{draft['id']}",
    {'comment': 'x'})
check('erp: CRM may not write an invoice', status == 400, (status, body))
status, body = erp('ERP_DRAFT', 'PUT', f"account.invoice/{draft['id']}",
    {'state': 'posted'})
check('erp: the state cannot be written as a field', status == 400, status)

stale = {'company': 1,
    '_timestamp': {f"account.invoice,{draft['id']}": '1.0'}}
status, body = rpc('ERP_POST', 'model.account.invoice.write', [draft['id']],
    {'comment': 'x'}, stale)
check('erp: JSON-RPC refuses a write on a stale timestamp, in status 200',
    status == 200 and body['error'][0] == 'ConcurrencyException',
    (status, body))
status, body = rpc('ERP_POST', 'model.account.invoice.write', [draft['id']],
    {'comment': 'x'}, stale, jsonrpc='2.0')
check('erp: with any further member in the request, in status 423',
    status == 423, (status, body))
header = base64.urlsafe_b64encode(json.dumps(stale).encode()).decode()
status, body = call('PUT',
    f"{env['TRYTON_REST']}/account.invoice/{draft['id']}", {'comment': 'x'},
    Authorization='Bearer ' + env['TRYTON_ERP_DRAFT_KEY'],
    X_Tryton_Context=header)
check('erp: REST takes no notice of a timestamp', status == 200, status)

status, posted = erp('ERP_POST', 'POST',
    f"account.invoice/{draft['id']}/post", {}, STATE)
check('erp: ERP_POST posts it and it gets a number', status == 200
    and posted['state'] == 'posted' and posted['number'] == 'CN-00001',
    (status, posted))
status, read = erp('AUDIT', 'GET', f"account.invoice/{draft['id']}",
    fields=STATE)
check('erp: the timestamp has moved on since the answer to the post',
    read['_timestamp'] != posted['_timestamp'], read)
check('erp: the credit is open: -420.00 to pay',
    amount(read['amount_to_pay']) == '-420.00', read)
status, body = erp('ERP_POST', 'POST', f"account.invoice/{draft['id']}/post",
    {})
check('erp: posting again is refused', status == 400, (status, body))
status, body = erp('ERP_POST', 'POST', f"account.invoice/{draft['id']}/draft",
    {}, ['state'])
check('erp: taking it back to draft answers 200 and does nothing',
    status == 200 and body['state'] == 'posted', (status, body))
status, body = erp('ERP_POST', 'POST',
    f"account.invoice/{draft['id']}/cancel", {})
check('erp: a posted credit note cannot be cancelled', status == 400, status)
status, body = erp('ERP_POST', 'DELETE', f"account.invoice/{draft['id']}")
check('erp: nor deleted', status == 400, status)

status, raced = erp('ERP_DRAFT', 'POST', 'account.invoice',
    credit_note('act-2'), STATE)
with ThreadPoolExecutor(4) as pool:
    answers = sorted(status for status, _ in pool.map(
            lambda _: erp('ERP_POST', 'POST',
                f"account.invoice/{raced['id']}/post", {}), range(4)))
check('erp: of four posts at once one is done', answers[0] == 200
    and all(a in (400, 403) for a in answers[1:]), answers)

status, future = erp('ERP_DRAFT', 'POST', 'account.invoice', dict(
        credit_note('act-3'), invoice_date={
            '__class__': 'date', 'year': 2099, 'month': 1, 'day': 1}), STATE)
status, body = erp('ERP_POST', 'POST',
    f"account.invoice/{future['id']}/post", {})
check('erp: a date in the future is questioned, in status 400',
    status == 400 and 'future' in body['message'], (status, body))
status, body = rpc('ERP_POST', 'model.account.invoice.post', [future['id']],
    {'company': 1})
check('erp: JSON-RPC names the question', status == 200
    and body['error'][0] == 'UserWarning', (status, body))
erp('ERP_DRAFT', 'DELETE', f"account.invoice/{future['id']}")

twins = [erp('CRM', 'POST', 'party.party', {'name': 'Cobalt Freight'},
        ['code'])[1]['code'] for _ in range(2)]
check('erp: the same party twice is two parties', twins[0] != twins[1], twins)
status, log = erp('AUDIT', 'GET', 'ir.model.log',
    domain=[['resource', '=', f"account.invoice,{draft['id']}"]],
    fields=['event', 'target', 'user.login'])
check('erp: its own log says who posted', any(
        e['event'] == 'button' and e['target'] == 'post'
        and e['user']['login'] == 'belay-erp-post' for e in log), log)

# -- BottleCRM ---------------------------------------------------------------


def crm_login(who):
    status, body = call('POST', env['BOTTLECRM_API'] + '/auth/login/', {
            'email': env[f'BOTTLECRM_{who}_USER'],
            'password': env[f'BOTTLECRM_{who}_PASSWORD']})
    return 'JWT ' + body['token']


tokens = {who: crm_login(who) for who in ('ADMIN', 'AUDIT', 'AGENT')}


def crm(who, method, path, body=None):
    return call(method, f"{env['BOTTLECRM_API']}/{path}", body,
        Authorization=tokens[who])


def crm_find(name):
    status, body = crm('AUDIT', 'GET',
        'accounts/?name=' + urllib.parse.quote(name))
    return body['active_accounts']['open_accounts']


cobalt, = crm_find('Cobalt Freight')
check('crm: the account knows the ERP code by a tag only',
    'erpc10008' in [t['slug'] for t in cobalt['tags']], cobalt['tags'])
check('crm: one legal entity has two accounts',
    len(crm_find('Nimbus Robotics')) == 2)
full = {name: cobalt[name] for name in ['name', 'email', 'phone', 'website',
        'industry', 'billing_address_line', 'billing_street', 'billing_city',
        'billing_state', 'billing_postcode', 'billing_country']}
status, body = crm('AGENT', 'PUT', f"accounts/{cobalt['id']}/",
    {'phone': '+13125550170'})
check('crm: an update of one field is refused', status == 400, status)
status, body = crm('AGENT', 'PUT', f"accounts/{cobalt['id']}/",
    dict(full, phone='+13125550170'))
_, read = crm('AUDIT', 'GET', f"accounts/{cobalt['id']}/")
read = read['account_obj']
broken = env.get('BOTTLECRM_NOTIFY') == 'broken'
done = 500 if broken else 200
check(f'crm: a whole update answers {done} and changes the field',
    (status, read['phone']) == (done, '+13125550170'),
    (status, read['phone']))
check('crm: and empties the tags and contacts it did not name',
    read['tags'] == [] and read['contacts'] == [], read)

gable, = crm_find('Gable Finch')
status, _ = crm('ADMIN', 'PUT', f"accounts/{gable['id']}/",
    {name: gable[name] for name in full})
_, read = crm('AUDIT', 'GET', f"accounts/{gable['id']}/")
check('crm: from an ADMIN it empties the assignees too', status == done
    and gable['assigned_to'] and read['account_obj']['assigned_to'] == [],
    status)

note = f"accounts/{cobalt['id']}/"
before = len(crm('AUDIT', 'GET', note)[1]['comments'])
for _ in range(2):
    status, _ = crm('AGENT', 'POST', note, {'comment': 'Refunded 420.00 USD'})
_, read = crm('AUDIT', 'GET', note)
check('crm: the same note twice is two notes', status == 200
    and len(read['comments']) == before + 2, status)
status, _ = crm('AGENT', 'POST', note, {'comment': 'x' * 256})
_, read = crm('AUDIT', 'GET', note)
check('crm: a note over 255 characters answers 200 and is not kept',
    status == 200 and len(read['comments']) == before + 2, status)
new = dict(full, name='Brightwater Labs', email='sam@brightwater.example')
status, body = crm('AGENT', 'POST', 'accounts/', new)
check('crm: a create answers without the id', 'id' not in json.dumps(body),
    body)
check(f'crm: a create answers {done}', status == done, status)
check('crm: and the account is there', len(crm_find('Brightwater Labs')) == 1)
status, body = crm('AGENT', 'POST', 'accounts/', new)
check('crm: the same create again is refused by name', status == 400, body)
quarry, = crm_find('Quarry Hill')
status, _ = crm('AGENT', 'GET', f"accounts/{quarry['id']}/")
check('crm: AGENT may not read an account it is not assigned', status == 403,
    status)

_, read = crm('AUDIT', 'GET', 'opportunities/')
deal = next(o for o in read['opportunities']
    if o['name'] == 'Cobalt Freight: expansion')
status, _ = crm('AGENT', 'PUT', f"opportunities/{deal['id']}/", {
        'name': deal['name'], 'account': cobalt['id'], 'stage': 'CLOSED WON',
        'amount': deal['amount'], 'probability': 100})
_, read = crm('AUDIT', 'GET', f"opportunities/{deal['id']}/")
read = read['opportunity_obj']
check('crm: closing a deal does not keep who closed it',
    (status, read['stage'], read['closed_by'])
    == (done, 'CLOSED WON', None), (status, read))

# -- card processors -----------------------------------------------------------


def processor(prefix, method, path, form=None, key=None):
    login = base64.b64encode((env[prefix + '_KEY'] + ':').encode()).decode()
    headers = {'Authorization': 'Basic ' + login}
    if key:
        headers['Idempotency_Key'] = key
    return call(method, f"{env[prefix + '_URL']}/v1/{path}", form=form,
        **headers)


if 'SSM_URL' in env:
    charge = env['SSM_DOUBLE_CHARGE_2']
    refund = {'charge': charge, 'amount': 42000, 'reason': 'duplicate',
        'metadata[action]': 'act-1'}
    first = processor('SSM', 'POST', 'refunds', refund, 'act-1')
    again = processor('SSM', 'POST', 'refunds', refund, 'act-1')
    check('processor: one idempotency key, one refund', first[0] == 200
        and first[1]['id'] == again[1]['id'], (first, again))
    status, body = processor('SSM', 'POST', 'refunds',
        dict(refund, amount=41000), 'act-1')
    check('processor: the key with other parameters is refused',
        status == 400 and body['error']['type'] == 'idempotency_error', body)
    status, body = processor('SSM', 'POST', 'refunds', refund, 'act-2')
    check('processor: a refunded charge is refused another refund',
        status == 400 and body['error']['code'] == 'charge_already_refunded',
        body)
    status, body = processor('SSM', 'GET', 'charges/' + charge)
    check('processor: the charge reads back as refunded',
        body['refunded'] and body['amount_refunded'] == 42000, body)
    status, body = processor('SSM', 'POST', 'refunds', {
            'charge': env['SSM_DOUBLE_CHARGE_1'], 'amount': 42001})
    check('processor: more than the charge is refused', status == 400, body)
    status, body = processor('SSM', 'POST', 'refunds', {
            'charge': env['SSM_DOUBLE_CHARGE_1'], 'amount': 'abc'})
    spoilt = processor('SSM', 'GET', 'charges/' + env['SSM_DOUBLE_CHARGE_1'])
    check('processor: an amount that is no number spoils the charge',
        (status, body['amount'], spoilt[1]['amount_refunded'])
        == (200, None, None), (status, body, spoilt))
    status, body = processor('SSM', 'POST', 'charges', {
            'amount': 5000, 'currency': 'usd', 'source': 'tok_forget'})
    lost = processor('SSM', 'GET', 'charges/' + body['id'])
    check('processor: tok_forget answers 200 with a charge it did not keep',
        (status, lost[0]) == (200, 404), (status, lost))
    chain = {'amount': 5000, 'currency': 'usd',
        'source': 'tok_500|tok_visa|check'}
    tries = [processor('SSM', 'POST', 'charges', chain, 'key-500')[0],
        processor('SSM', 'POST', 'charges', chain, 'key-500')[0],
        processor('SSM', 'POST', 'charges', chain, 'key-501')[0]]
    check('processor: a failure is replayed under its key',
        tries == [500, 500, 200], tries)

if 'LOCALSTRIPE_URL' in env:
    charge = env['LOCALSTRIPE_DOUBLE_CHARGE_2']
    refund = {'charge': charge, 'amount': 42000}
    ids = {processor('LOCALSTRIPE', 'POST', 'refunds', refund, 'act-1')[1][
            'id'] for _ in range(2)}
    status, body = processor('LOCALSTRIPE', 'GET', 'charges/' + charge)
    check('careless processor: the key is not looked at: two refunds',
        len(ids) == 2, ids)
    check('careless processor: twice the charge is refunded',
        body['amount_refunded'] == 84000, body['amount_refunded'])

print('all hold' if not failures else f'{failures} failed')
sys.exit(bool(failures))
