/* SPDX-License-Identifier: GPL-2.0-only */
(function () {
  'use strict';
  var data = JSON.parse(document.getElementById('data').textContent);
  var cells = data.cells.map(function (row) {
    var cell = {};
    data.fields.forEach(function (name, i) { cell[name] = row[i]; });
    return cell;
  });
  var words = {};
  data.situations.forEach(function (s) { words[s[0]] = s[1]; });
  var pick = { page: data.pages[0], order: data.orders[0], show: 'outcome' };

  function element(name, text, className) {
    var e = document.createElement(name);
    if (text !== undefined) e.textContent = text;
    if (className) e.className = className;
    return e;
  }
  function size(bytes) {
    var units = [[1 << 30, 'G'], [1 << 20, 'M'], [1024, 'K']];
    for (var i = 0; i < units.length; i++)
      if (bytes >= units[i][0]) return Math.round(bytes / units[i][0] * 10) / 10 + units[i][1];
    return String(bytes);
  }
  function steps(cost) {
    return cost.seamcalls + cost.allocations + cost.references + cost.locks + cost.policy_steps;
  }
  function unsafe(c) { return c.reused_while_mapped || c.shared_while_mapped; }

  /* What a cell says in each view: [text, class]. */
  var views = {
    outcome: function (c) {
      var text = c.outcome === 'host-down' ? 'down' : c.outcome;
      if (c.bytes_lost) text += ' ' + size(c.bytes_lost);
      if (c.reused_while_mapped) text += ' \u26a0';
      if (c.shared_while_mapped) text += ' \u21c4';
      if (c.next_td === 'bugged') text += ' \u2715';
      var bad = unsafe(c) || c.outcome === 'hang' || c.outcome === 'host-down' ||
                c.next_td === 'bugged' || (c.outcome === 'again' && c.retry !== 'ok');
      return [text, bad ? 'bad' : c.bytes_lost ? 'warn' : 'good'];
    },
    lost: function (c) {
      if (!c.bytes_lost) return ['0', 'good'];
      return [size(c.bytes_lost), c.bytes_lost > c.bytes_stuck ? 'bad' : 'warn'];
    },
    safety: function (c) {
      if (c.reused_while_mapped) return [c.reused_while_mapped + ' reused', 'bad'];
      return c.shared_while_mapped ? ['shared', 'bad'] : ['safe', 'good'];
    },
    next: function (c) {
      return [c.next_td, { ok: 'good', refused: 'warn', bugged: 'bad', none: 'na' }[c.next_td]];
    },
    neighbour: function (c) {
      return [c.neighbour, { kept: 'good', lost: 'bad', unknown: 'na' }[c.neighbour]];
    },
    cost: function (c) { return [String(steps(c.cost)), 'warn']; }
  };
  var legends = {
    outcome: 'Size: guest memory out of use at the end. \u26a0 a frame was freed or given on while a Secure EPT had it; \u21c4 the host mapped such a frame; \u2715 the next TD is bugged.',
    lost: 'Guest memory on the leak list or poisoned when everything was closed. Red: more than what was stuck.',
    safety: 'Frames freed or given to a new owner while a Secure EPT had them; shared: mapped by the host instead.',
    next: 'Another TD asks for the memory that was given back, or for the file itself (S10).',
    neighbour: 'Guest memory beside the converted range; unknown when nobody looked, or the VM was dead.',
    cost: 'SEAMCALLs, allocations, references, locks and policy steps of the measured steps, up to the first fault.'
  };

  function choose(id, values, key) {
    var select = document.getElementById(id);
    (values || []).forEach(function (v) { select.appendChild(element('option', v)); });
    select.addEventListener('change', function () { pick[key] = select.value; draw(); });
  }

  function draw() {
    var table = document.getElementById('heat'), row = element('tr'), body = element('tbody');
    var here = {};
    cells.forEach(function (c) {
      if (c.page === pick.page && c.order === pick.order) here[c.policy + ' ' + c.situation] = c;
    });
    table.textContent = '';
    row.appendChild(element('th', 'policy')).scope = 'col';
    data.situations.forEach(function (s) {
      var th = element('th'), abbr = element('abbr', s[0]);
      abbr.title = s[1];
      th.scope = 'col';
      th.appendChild(abbr);
      row.appendChild(th);
    });
    table.appendChild(element('thead')).appendChild(row);
    data.policies.forEach(function (policy) {
      var tr = element('tr');
      tr.appendChild(element('th', policy)).scope = 'row';
      data.situations.forEach(function (s) {
        var td = element('td'), c = here[policy + ' ' + s[0]];
        tr.appendChild(td);
        if (!c) return;
        var face = c.outcome === 'na' ? ['\u2013', 'na'] : views[pick.show](c);
        var button = element('button', face[0], face[1]);
        button.type = 'button';
        button.tabIndex = -1;
        button.setAttribute('aria-label', policy + ', ' + s[0] + ' ' + s[1] + ': ' +
          (c.outcome === 'na' ? 'cannot apply, ' + c.reason : face[0]));
        button.addEventListener('click', function () { open(c); });
        td.appendChild(button);
      });
      body.appendChild(tr);
    });
    table.appendChild(body);
    var first = body.querySelector('button');
    if (first) first.tabIndex = 0;
    document.getElementById('legend').textContent = legends[pick.show];
  }

  /* One stop for Tab, arrows inside: the pattern of a grid. */
  document.getElementById('heat').addEventListener('keydown', function (e) {
    var move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[e.key];
    var td = e.target.closest('td');
    if (!move || !td) return;
    e.preventDefault();
    var rows = this.tBodies[0].rows, r = td.parentNode.sectionRowIndex + move[0];
    var next = rows[r] && rows[r].cells[td.cellIndex + move[1]];
    var button = next && next.querySelector('button');
    if (!button) return;
    e.target.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
  });

  /* ---- One cell ---- */

  function facts(c) {
    var list = element('dl', undefined, 'facts');
    [['outcome', c.outcome + (c.errno ? ' (' + c.errno + ')' : '')], ['tried again', c.retry],
     ['out of use', size(c.bytes_lost)], ['stuck', size(c.bytes_stuck)],
     ['control pages lost', size(c.bytes_lost_control)],
     ['frames reused while mapped', c.reused_while_mapped],
     ['host maps it meanwhile', c.shared_while_mapped ? 'yes' : 'no'], ['next TD', c.next_td],
     ['memory beside it', c.neighbour], ['VM dead', c.vm_dead ? 'yes' : 'no'],
     ['steps before a fault', steps(c.cost)],
     ['errors told to the policy', c.error_path.errors],
     ['its allocations (atomic, failed)', c.error_path.allocations + ' (' + c.error_path.atomic + ', ' + c.error_path.failed + ')'],
     ['locks held there', c.error_path.locks.join(', ')],
     ['memory when nothing fails', size(c.memory.boot + c.memory.inode)],
     ['invariants broken', c.broken.join(', ')]].forEach(function (pair) {
      if (pair[1] === null || pair[1] === undefined || pair[1] === '') return;
      var row = element('div');
      row.appendChild(element('dt', pair[0]));
      row.appendChild(element('dd', String(pair[1])));
      list.appendChild(row);
    });
    return list;
  }

  function svg(name, attributes) {
    var e = document.createElementNS('http://www.w3.org/2000/svg', name);
    Object.keys(attributes).forEach(function (k) { e.setAttribute(k, attributes[k]); });
    return e;
  }

  /* States in a row in the order they were reached, moves as arcs above and below. */
  function graph(moves) {
    var states = [], wide = 130, gap = 30, forwards = 0;
    moves.forEach(function (m) {
      [m.from, m.to].forEach(function (s) {
        var name = s + ' ' + m.level;
        if (states.indexOf(name) < 0) states.push(name);
      });
    });
    moves.forEach(function (m) {
      forwards += states.indexOf(m.to + ' ' + m.level) > states.indexOf(m.from + ' ' + m.level);
    });
    /* Room for the arcs on each side. */
    var y = 34 + 26 * forwards, height = y + 30 + 30 * (moves.length - forwards);
    var root = svg('svg', { 'class': 'states', role: 'img', width: states.length * (wide + gap), height: height,
      viewBox: '0 0 ' + states.length * (wide + gap) + ' ' + height,
      'aria-label': moves.map(function (m) { return m.from + ' to ' + m.to + ' by ' + m.by; }).join('; ') });
    function x(name) { return states.indexOf(name) * (wide + gap) + wide / 2 + gap / 2; }
    var above = 0, below = 0;
    moves.forEach(function (m) {
      var a = x(m.from + ' ' + m.level), b = x(m.to + ' ' + m.level), forward = b > a;
      var lift = 22 + 26 * (forward ? above++ : below++), side = forward ? -1 : 1;
      var from = y + side * 14, top = from + side * lift;
      root.appendChild(svg('path', { d: 'M' + a + ' ' + from + ' C' + a + ' ' + top + ' ' + b + ' ' + top + ' ' + b + ' ' + from }));
      root.appendChild(svg('path', { 'class': 'head', d: 'M' + b + ' ' + from + ' l-4 ' + side * 8 + ' h8 z' }));
      var label = svg('text', { 'class': 'by', x: (a + b) / 2, y: from + side * (lift * .75 + (forward ? 4 : 10)), 'text-anchor': 'middle' });
      label.textContent = m.by + (m.count > 1 ? ' \u00d7' + m.count : '');
      root.appendChild(label);
    });
    states.forEach(function (s) {
      root.appendChild(svg('rect', { x: x(s) - wide / 2, y: y - 14, width: wide, height: 28, rx: 6 }));
      var label = svg('text', { x: x(s), y: y + 4, 'text-anchor': 'middle' });
      label.textContent = s;
      root.appendChild(label);
    });
    return root;
  }

  function trace(steps) {
    var list = element('ol', undefined, 'trace');
    steps.forEach(function (s) {
      list.appendChild(element('li', s.step, 'step'));
      s.events.forEach(function (line) {
        var odd = /injected|^INV_|^log |_ERROR|INCORRECT|EXIST/.test(line);
        list.appendChild(element('li', line, odd ? 'event odd' : 'event'));
      });
    });
    return list;
  }

  var dialog = document.getElementById('cell'), opener = null;
  function open(c) {
    var body = document.getElementById('cell-body'), story = data.stories[c.story];
    opener = document.activeElement;
    document.getElementById('cell-title').textContent =
      c.policy + ' in ' + c.situation + ', ' + c.page + ' pages, order ' + c.order;
    document.getElementById('cell-words').textContent = words[c.situation];
    body.textContent = '';
    if (c.reason) body.appendChild(element('p', (c.outcome === 'na' ? 'Cannot apply: ' : '') + c.reason));
    if (c.outcome !== 'na') body.appendChild(facts(c));
    body.appendChild(element('h3', 'Repeat it'));
    [c.repeat, c.scenario].forEach(function (text) {
      var line = element('p', undefined, 'command');
      line.appendChild(element('code', text));
      body.appendChild(line);
    });
    if (story.moves.length) {
      body.appendChild(element('h3', 'The Secure EPT entry of GPA 0x1000'));
      var scroll = element('div', undefined, 'scroll');
      scroll.tabIndex = 0;
      scroll.appendChild(graph(story.moves));
      body.appendChild(scroll);
    }
    if (story.trace.length) {
      body.appendChild(element('h3', 'What happened, from the measured step on'));
      body.appendChild(trace(story.trace));
    }
    dialog.showModal();
  }
  document.getElementById('close').addEventListener('click', function () { dialog.close(); });
  dialog.addEventListener('click', function (e) { if (e.target === dialog) dialog.close(); });
  dialog.addEventListener('close', function () { if (opener) opener.focus(); });

  /* ---- Ranking ---- */

  var columns = [
    ['policy', function (r) { return r.policy; }],
    ['cells', function (r) { return r.cells; }],
    ['unsafe', function (r) { return r.unsafe; }],
    ['hang or endless EAGAIN', function (r) { return r.stuck; }],
    ['host down', function (r) { return r.host_down; }],
    ['next TD bugged', function (r) { return r.next_td_bugged; }],
    ['bytes lost', function (r) { return r.bytes_lost; }, size],
    ['lost per stuck byte', function (r) { return r.bytes_stuck ? r.bytes_lost / r.bytes_stuck : 0; },
     function (v) { return v.toFixed(2); }],
    ['good path, steps', function (r) { return r.good_steps; }],
    ['memory, nothing failing', function (r) { return r.memory; }, size]
  ];
  function rank(by) {
    var table = document.getElementById('rank'), head = element('tr'), body = element('tbody');
    var rows = data.ranking.slice();
    if (by !== undefined)
      rows.sort(function (a, b) {
        var x = columns[by][1](a), y = columns[by][1](b);
        return x < y ? -1 : x > y ? 1 : a.rank - b.rank;
      });
    table.textContent = '';
    columns.forEach(function (column, i) {
      var th = element('th'), button = element('button', column[0]);
      th.scope = 'col';
      if (i) th.className = 'n';
      if (i === by) th.setAttribute('aria-sort', 'ascending');
      button.type = 'button';
      button.addEventListener('click', function () {
        rank(i);
        table.tHead.rows[0].cells[i].firstChild.focus();
      });
      th.appendChild(button);
      head.appendChild(th);
    });
    table.appendChild(element('thead')).appendChild(head);
    rows.forEach(function (r) {
      var tr = element('tr');
      columns.forEach(function (column, i) {
        var value = column[1](r), text = column[2] ? column[2](value) : String(value);
        var cell = element(i ? 'td' : 'th', i ? text : undefined, i ? 'n' : undefined);
        if (!i) {
          cell.scope = 'row';
          cell.appendChild(element('b', r.policy));
          cell.appendChild(element('p', r.summary));
        }
        tr.appendChild(cell);
      });
      body.appendChild(tr);
    });
    table.appendChild(body);
  }

  choose('page', data.pages, 'page');
  choose('order', data.orders, 'order');
  choose('show', null, 'show');
  draw();
  rank();
  /* A link to a cell: #policy/order/page/situation */
  var wanted = decodeURIComponent(location.hash.slice(1)).split('/');
  cells.forEach(function (c) {
    if (wanted.length !== 4 || c.policy !== wanted[0] || c.order !== wanted[1] ||
        c.page !== wanted[2] || c.situation !== wanted[3]) return;
    pick.page = document.getElementById('page').value = c.page;
    pick.order = document.getElementById('order').value = c.order;
    draw();
    open(c);
  });
})();
