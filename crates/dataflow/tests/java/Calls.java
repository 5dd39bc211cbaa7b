package app;

import java.io.*;
import java.sql.*;
import java.util.*;
import java.util.function.*;
import javax.servlet.http.*;

interface Thing {
    String pass(String s);
}

class Echo implements Thing {
    public String pass(String s) {
        return s;
    }
}

class Fixed implements Thing {
    public String pass(String s) {
        return "fixed";
    }
}

class Holder {
    private final HttpServletRequest request;
    String field;
    static String shared = "fixed";

    Holder(HttpServletRequest request) {
        this.request = request;
    }

    String theParameter(String name) {
        return request.getParameter(name);
    }

    String theConstant(String name) {
        return "fixed";
    }
}

/** Calls, objects, dispatch. A method's name says whether a flow must be found in it. */
class Calls {
    private final Statement st;

    Calls(Statement st) {
        this.st = st;
    }

    private static String same(String s) {
        return s;
    }

    private static String choose(boolean first, String a, String b) {
        return first ? a : b;
    }

    private static String deep(int n, String s) {
        return n == 0 ? s : deep(n - 1, s);
    }

    void badHelper(HttpServletRequest r) throws Exception {
        st.execute("select '" + same(r.getParameter("a")) + "'");
    }

    void goodHelperContext(HttpServletRequest r) throws Exception {
        same(r.getParameter("a"));
        st.execute("select '" + same("fixed") + "'");
    }

    void goodChoice(HttpServletRequest r) throws Exception {
        st.execute("select '" + choose(true, "fixed", r.getParameter("a")) + "'");
    }

    void badChoice(HttpServletRequest r) throws Exception {
        st.execute("select '" + choose(false, "fixed", r.getParameter("a")) + "'");
    }

    void badRecursion(HttpServletRequest r) throws Exception {
        st.execute("select '" + deep(3, r.getParameter("a")) + "'");
    }

    void badField(HttpServletRequest r) throws Exception {
        st.execute("select '" + new Holder(r).theParameter("a") + "'");
    }

    void goodField(HttpServletRequest r) throws Exception {
        st.execute("select '" + new Holder(r).theConstant("a") + "'");
    }

    void goodStrongUpdate(HttpServletRequest r) throws Exception {
        Holder h = new Holder(r);
        h.field = r.getParameter("a");
        h.field = "fixed";
        st.execute("select '" + h.field + "'");
    }

    void badAlias(HttpServletRequest r) throws Exception {
        Holder h = new Holder(r);
        Holder g = h;
        g.field = r.getParameter("a");
        st.execute("select '" + h.field + "'");
    }

    void badDispatch(HttpServletRequest r) throws Exception {
        Thing t = new Echo();
        st.execute("select '" + t.pass(r.getParameter("a")) + "'");
    }

    void goodDispatch(HttpServletRequest r) throws Exception {
        Thing t = new Fixed();
        st.execute("select '" + t.pass(r.getParameter("a")) + "'");
    }

    void badLambda(HttpServletRequest r) throws Exception {
        Function<String, String> f = s -> "x" + s;
        st.execute("select '" + f.apply(r.getParameter("a")) + "'");
    }

    void goodLambda(HttpServletRequest r) throws Exception {
        Function<String, String> f = s -> "x";
        st.execute("select '" + f.apply(r.getParameter("a")) + "'");
    }

    void badAnonymous(HttpServletRequest r) throws Exception {
        Thing t = new Thing() {
            public String pass(String s) {
                return s + r.getParameter("b");
            }
        };
        st.execute("select '" + t.pass("x") + "'");
    }

    void badStream(HttpServletRequest r) throws Exception {
        List<String> l = List.of("a", r.getParameter("a"));
        String s = String.join(",", l);
        st.execute("select '" + s + "'");
    }

    void goodStatic(HttpServletRequest r) throws Exception {
        st.execute("select '" + Holder.shared + "'");
    }

    class Inner {
        String twice(HttpServletRequest r, String s) {
            List<String> l = new ArrayList<>();
            l.add("safe");
            l.add(s);
            return l.get(0);
        }

        String once(HttpServletRequest r, String s) {
            String t = s;
            return t.isEmpty() ? "none" : t;
        }
    }

    void goodInner(HttpServletRequest r) throws Exception {
        st.execute("select '" + new Inner().twice(r, r.getParameter("a")) + "'");
    }

    void badInner(HttpServletRequest r) throws Exception {
        st.execute("select '" + new Inner().once(r, r.getParameter("a")) + "'");
    }

    void badReflection(HttpServletRequest r) throws Exception {
        Thing t = (Thing) Class.forName("app.Echo").getDeclaredConstructor().newInstance();
        st.execute("select '" + t.pass(r.getParameter("a")) + "'");
    }

    void goodReflection(HttpServletRequest r) throws Exception {
        Thing t = (Thing) Class.forName("app.Fixed").getDeclaredConstructor().newInstance();
        st.execute("select '" + t.pass(r.getParameter("a")) + "'");
    }

    void goodOwnSanitizer(HttpServletRequest r) throws Exception {
        StringBuilder b = new StringBuilder();
        for (char c : r.getParameter("a").toCharArray()) {
            if (Character.isLetterOrDigit(c)) {
                b.append(c);
            }
        }
        st.execute("select '" + b + "'");
    }

    void badTryFinally(HttpServletRequest r) throws Exception {
        String s = "";
        try {
            s = r.getParameter("a");
        } finally {
            st.execute("select '" + s + "'");
        }
    }
}
