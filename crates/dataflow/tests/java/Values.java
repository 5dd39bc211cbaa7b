package app;

import java.io.*;
import java.sql.*;
import java.util.*;
import javax.servlet.http.*;

/** Constants, branches, collections, strings. A method's name says whether a flow must be found in it. */
class Values {
    private final Statement st;

    Values(Statement st) {
        this.st = st;
    }

    void badDirect(HttpServletRequest r) throws Exception {
        st.execute("select '" + r.getParameter("a") + "'");
    }

    void goodConstant(HttpServletRequest r) throws Exception {
        r.getParameter("a");
        st.execute("select 1");
    }

    void goodTernary(HttpServletRequest r) throws Exception {
        int n = 106;
        String s = (7 * 18) + n > 200 ? "fixed" : r.getParameter("a");
        st.execute("select '" + s + "'");
    }

    void badTernary(HttpServletRequest r) throws Exception {
        int n = 106;
        String s = (7 * 18) - n > 200 ? "fixed" : r.getParameter("a");
        st.execute("select '" + s + "'");
    }

    void goodDivision(HttpServletRequest r) throws Exception {
        String s;
        if (500 / 43 + 3 > 13) s = "fixed";
        else s = r.getParameter("a");
        st.execute("select '" + s + "'");
    }

    void goodSwitch(HttpServletRequest r) throws Exception {
        String guess = "PQR";
        String s;
        switch (guess.charAt(1)) {
            case 'P':
                s = r.getParameter("a");
                break;
            case 'Q':
                s = "fixed";
                break;
            case 'R':
            case 'S':
                s = r.getParameter("b");
                break;
            default:
                s = "other";
        }
        st.execute("select '" + s + "'");
    }

    void badSwitchFallsThrough(HttpServletRequest r) throws Exception {
        String guess = "PQR";
        String s = "fixed";
        switch (guess.charAt(2)) {
            case 'R':
            case 'S':
                s = r.getParameter("b");
                break;
            default:
                s = "other";
        }
        st.execute("select '" + s + "'");
    }

    void goodListIndex(HttpServletRequest r) throws Exception {
        List<String> l = new ArrayList<>();
        l.add("one");
        l.add(r.getParameter("a"));
        l.add("two");
        l.remove(0);
        st.execute("select '" + l.get(1) + "'");
    }

    void badListIndex(HttpServletRequest r) throws Exception {
        List<String> l = new ArrayList<>();
        l.add("one");
        l.add(r.getParameter("a"));
        l.add("two");
        l.remove(0);
        st.execute("select '" + l.get(0) + "'");
    }

    void goodMapKey(HttpServletRequest r) throws Exception {
        Map<String, Object> m = new HashMap<>();
        m.put("k1", "one");
        m.put("k2", r.getParameter("a"));
        String s = (String) m.get("k2");
        s = (String) m.get("k1");
        st.execute("select '" + s + "'");
    }

    void badMapKey(HttpServletRequest r) throws Exception {
        Map<String, Object> m = new HashMap<>();
        m.put("k1", "one");
        m.put("k2", r.getParameter("a"));
        String s = (String) m.get("k1");
        s = (String) m.get("k2");
        st.execute("select '" + s + "'");
    }

    void badArray(HttpServletRequest r) throws Exception {
        String[] a = {"x", r.getParameter("a")};
        st.execute("select '" + a[1] + "'");
    }

    void goodArray(HttpServletRequest r) throws Exception {
        String[] a = {"x", r.getParameter("a")};
        st.execute("select '" + a[0] + "'");
    }

    void badBuilder(HttpServletRequest r) throws Exception {
        StringBuilder b = new StringBuilder("select '");
        b.append(r.getParameter("a")).append("'");
        st.execute(b.toString());
    }

    void goodNumber(HttpServletRequest r) throws Exception {
        int n = Integer.parseInt(r.getParameter("a"));
        st.execute("select " + n);
    }

    void badFormat(HttpServletRequest r) throws Exception {
        st.execute(String.format("select '%s' where %d = 1", r.getParameter("a"), 3));
    }

    void badLoop(HttpServletRequest r) throws Exception {
        String s = "select 1";
        for (String v : r.getParameterValues("a")) {
            s += " or x = '" + v + "'";
        }
        st.execute(s);
    }

    void badIterator(HttpServletRequest r) throws Exception {
        Enumeration<String> e = r.getHeaders("x");
        while (e.hasMoreElements()) {
            st.execute("select '" + e.nextElement() + "'");
        }
    }

    void badNested(HttpServletRequest r) throws Exception {
        List<Map<String, String>> l = new ArrayList<>();
        Map<String, String> m = new HashMap<>();
        m.put("a", r.getParameter("a"));
        l.add(m);
        for (Map<String, String> x : l) {
            st.execute("select '" + x.get("a") + "'");
        }
    }

    void badCookie(HttpServletRequest r) throws Exception {
        for (Cookie c : r.getCookies()) {
            if (c.getName().equals("n")) {
                st.execute("select '" + c.getValue() + "'");
            }
        }
    }

    void badUnrelatedDenyList(HttpServletRequest r) throws Exception {
        Set<String> known = new HashSet<>();
        known.add("host");
        Enumeration<String> names = r.getHeaderNames();
        String s = "";
        while (names.hasMoreElements()) {
            String n = names.nextElement();
            if (known.contains(n)) {
                continue;
            }
            s = n;
            break;
        }
        st.execute("select '" + s + "'");
    }

    void goodAllowList(HttpServletRequest r) throws Exception {
        Set<String> known = Set.of("name", "age");
        String s = r.getParameter("a");
        if (!known.contains(s)) {
            throw new IllegalArgumentException();
        }
        st.execute("select " + s);
    }

    void goodEquality(HttpServletRequest r) throws Exception {
        String s = r.getParameter("a");
        if ("asc".equals(s) || "desc".equals(s)) {
            st.execute("select 1 order by x " + s);
        }
    }

    void goodPattern(HttpServletRequest r) throws Exception {
        String s = r.getParameter("a");
        if (s.matches("[a-z]+")) {
            st.execute("select 1 order by " + s);
        }
    }

    void badNameIsTheTaint(HttpServletRequest r) throws Exception {
        String s = "";
        Enumeration<String> names = r.getParameterNames();
        while (names.hasMoreElements()) {
            String n = names.nextElement();
            for (String v : r.getParameterValues(n)) {
                if (v.equals("marker")) {
                    s = n;
                }
            }
        }
        st.execute("select '" + s + "'");
    }

    void badSubstring(HttpServletRequest r) throws Exception {
        String q = r.getQueryString();
        int at = q.indexOf("a=");
        if (at == -1) {
            return;
        }
        String s = q.substring(at + 2);
        int amp = q.indexOf("&", at);
        if (amp != -1) {
            s = q.substring(at + 2, amp);
        }
        s = java.net.URLDecoder.decode(s, "UTF-8");
        st.execute("select '" + s + "'");
    }

    void badBase64(HttpServletRequest r) throws Exception {
        String e = Base64.getEncoder().encodeToString(r.getParameter("a").getBytes());
        st.execute("select '" + new String(Base64.getDecoder().decode(e)) + "'");
    }

    private static final java.util.regex.Pattern WORD = java.util.regex.Pattern.compile("[a-z]+");

    void goodCompiledPattern(HttpServletRequest r) throws Exception {
        String s = r.getParameter("a");
        if (!WORD.matcher(s).matches()) {
            return;
        }
        st.execute("select 1 order by " + s);
    }

    void badLoosePattern(HttpServletRequest r) throws Exception {
        String s = r.getParameter("a");
        if (java.util.regex.Pattern.matches("[a-z' ]+", s)) {
            st.execute("select 1 where x = '" + s + "'");
        }
    }

    void goodStaticPattern(HttpServletRequest r) throws Exception {
        String s = r.getParameter("a");
        if (java.util.regex.Pattern.matches("[a-z ]+", s)) {
            st.execute("select 1 where x = '" + s + "'");
        }
    }
}
